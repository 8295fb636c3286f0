import { newId } from "@stockwire/core/id";
import { describe, expect, test } from "vitest";
import { methodsOf, routes } from "@stockwire/functions/api/policy";
import { address } from "../drivers.ts";
import { contract, problem } from "./suite.ts";

/** A REST API says so for a token whose policy denies the method. */
const DENIED = "User is not authorized to access this resource with an explicit deny";

contract((api) => {
  const user = async () =>
    (await api.send("POST", "/users", { body: { name: "John", email: address() } })).json;

  describe("open routes", () => {
    test("hello greets without a token", async () => {
      const greeting = (name: string) => ({
        message: `Hello, ${name}! Your request was successful.`,
        status: "success",
      });
      expect((await api.send("GET", "/hello", { scope: null })).json).toEqual(greeting("World"));
      const named = await api.send("GET", "/hello?name=Asishkumar", { scope: null });
      expect(named.json).toEqual(greeting("Asishkumar"));
    });

    test("health, readiness, version and the document answer without a token", async () => {
      const get = async (path: string) => (await api.send("GET", path, { scope: null })).json;
      expect(await get("/health")).toEqual({ status: "ok" });
      expect(await get("/ready")).toEqual({
        status: "ok",
        checks: { dynamodb: { status: "ok", latencyMs: expect.any(Number) } },
      });
      // Partners need a token for the version.
      const { json: version } = await api.send(
        "GET",
        "/version",
        api.partner ? {} : { scope: null },
      );
      expect(Object.keys(version)).toEqual([
        "name",
        "version",
        "commit",
        "stage",
        "runtime",
        ...(api.partner ? ["stageVariables"] : []),
      ]);
      expect(await get("/openapi.json")).toMatchObject({
        openapi: "3.1.1",
        info: { title: "Stockwire" },
      });
      expect(await get("/openapi.json?version=3.0")).toMatchObject({ openapi: "3.0.3" });
      const unknown = await api.send("GET", "/openapi.json?version=2.0", { scope: null });
      expect(unknown.status).toBe(400);
      expect(await get("/asyncapi.json")).toMatchObject({
        asyncapi: "3.1.0",
        info: { title: "Stockwire Live API" },
      });
    });

    test("the documentation pages load nothing from other hosts", async () => {
      for (const path of ["/docs", "/docs/problems"]) {
        const { status, headers } = await api.send("GET", path, { scope: null });
        expect(status).toBe(200);
        expect(headers.get("content-type")).toMatch(/^text\/html/);
        expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'/);
      }
    });

    test("GET /me returns the subject and scopes of the token", async () => {
      const { json } = await api.send("GET", "/me", { scope: "read:users read:items", sub: "ana" });
      expect(json).toMatchObject({ sub: "ana", scopes: ["read:users", "read:items"] });
    });
  });

  describe("authorization", () => {
    const guarded = routes.filter(({ access }) => access !== "open");
    const pathOf = (path: string) => path.replaceAll(/\{\w+\}/g, "x");

    test.each(guarded)("$method $path refuses a request without a token", async (route) => {
      const answer = await api.send(route.method, pathOf(route.path), {
        scope: null,
        body: route.body && {},
      });
      expect(answer.status).toBe(401);
      // A REST API names no scheme.
      const named = (answer.headers.get("www-authenticate") ?? "").startsWith("Bearer");
      expect(named).toBe(!(api.partner && route.partner === "metered"));
      if (api.gateway) expect(answer.text).toBe('{"message":"Unauthorized"}');
      else expect(answer.json).toMatchObject(problem(401, "unauthenticated"));
    });

    test.each(guarded.filter(({ access }) => access !== "token"))(
      "$method $path refuses a token with all scopes except its own",
      async (route) => {
        const others = routes
          .map(({ access }) => access)
          .filter((scope) => !["open", "token", "admin", route.access].includes(scope));
        const lookAlikes = [
          `${route.access}x`,
          `x${route.access}`,
          route.access.toUpperCase(),
          "administrator",
        ];
        const scope = [...new Set(others), ...lookAlikes].slice(0, 40).join(" ");
        const answer = await api.send(route.method, pathOf(route.path), {
          scope,
          body: route.body && {},
        });
        expect(answer.status).toBe(403);
        if (api.partner) expect(answer.json).toEqual({ Message: DENIED });
        else if (api.gateway) expect(answer.text).toBe('{"message":"Forbidden"}');
        else expect(answer.json).toMatchObject(problem(403, "insufficient_scope"));
      },
    );

    test("a scope may have the resource server's prefix, and admin includes every scope", async () => {
      for (const scope of ["read:users", "stockwire/read:users", "admin", "stockwire/admin"]) {
        expect((await api.send("GET", "/users", { scope })).status).toBe(200);
      }
    });
  });

  describe("routing", () => {
    const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    const paths = [...new Set(routes.map(({ path }) => path))].map((path) =>
      path.replaceAll(/\{\w+\}/g, "x"),
    );

    test.each(paths)("%s is 405 with Allow for other methods", async (path) => {
      const allowed = methodsOf(path) as string[];
      for (const method of METHODS.filter((other) => !allowed.includes(other))) {
        const { status, headers, json } = await api.send(method, path);
        expect([method, status, headers.get("allow")]).toEqual([method, 405, allowed.join(", ")]);
        if (method !== "HEAD") {
          expect(json).toMatchObject(
            problem(405, "method_not_allowed", { detail: `Method ${method} not allowed` }),
          );
        }
      }
    });

    test.each([
      "/nope",
      "/users/x/y",
      "/Users",
      "/users/",
      "/v1/users",
      "/",
      "/users.json",
      "/usersx",
    ])("%s is 404", async (path) => {
      if (path === "/" && api.index) return; // laptop.test.ts
      const { status, json } = await api.send("GET", path);
      expect(status).toBe(404);
      expect(json).toMatchObject(problem(404, "route_not_found", { detail: "Route not found" }));
    });
  });

  test("a UUID is found in any letter case, the id of an item only in its own", async () => {
    const body = { name: "Pen", price: 1, category: "Pens", initialQuantity: 5 };
    const product = (await api.send("POST", "/products", { body })).json;
    const made = await user();
    const get = async (path: string) => (await api.send("GET", path)).json;
    expect(await get(`/products/${product.id.toUpperCase()}`)).toEqual(product);
    expect(await get(`/users/${made.id.toUpperCase()}`)).toEqual(made);
    expect((await get(`/inventory/${product.id.toUpperCase()}`)).productId).toBe(product.id);
    const reservation = await api.send("POST", "/reservations", {
      body: { lines: [{ productId: product.id.toUpperCase(), quantity: 1 }] },
    });
    expect(reservation.json.lines).toEqual([{ productId: product.id, quantity: 1 }]);
    const path = `/reservations/${reservation.json.id.toUpperCase()}`;
    expect((await api.send("POST", `${path}/cancel`)).json.id).toBe(reservation.json.id);
    const list = await get(`/reservations?productId=${product.id.toUpperCase()}`);
    expect(list.count).toBe(1);
    const removed = await api.send("DELETE", `/users/${made.id.toUpperCase()}`);
    expect(removed.status).toBe(204);
    const again = await api.send("POST", "/users", { body: { name: "Jo", email: made.email } });
    expect(again.status).toBe(201);
    const chosen = newId().toUpperCase();
    const headers = { "If-None-Match": "*" };
    expect((await api.send("PUT", `/items/${chosen}`, { body: {}, headers })).status).toBe(201);
    expect((await get(`/items/${chosen}`)).id).toBe(chosen);
    expect((await api.send("GET", `/items/${chosen.toLowerCase()}`)).status).toBe(404);
  });

  describe("bodies", () => {
    const post = (body: string, headers: Record<string, string> = {}) =>
      api.send("POST", "/users", { body, headers });

    test("invalid or missing JSON is 400", async () => {
      for (const body of ["", " ", "{", "{}{}", "nope", "{'a':1}", '{"a":1,"a":2}', '"\\ud800"']) {
        const { status, json } = await post(body);
        expect([body, status, json.code]).toEqual([body, 400, "invalid_json"]);
      }
      expect((await post("")).json.detail).toBe("Invalid JSON in body");
      for (const body of ["null", "[]", "1", '"x"', "true"]) {
        const { status, json } = await post(body);
        expect([body, status, json.code]).toEqual([body, 400, "invalid_request"]);
      }
    });

    test("another media type is 415; parameters and case of the right one are ignored", async () => {
      for (const type of [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/jsonx",
      ]) {
        const { status, json } = await post("{}", { "Content-Type": type });
        expect([type, status, json.code]).toEqual([type, 415, "unsupported_media_type"]);
      }
      const body = () => JSON.stringify({ name: "John", email: address() });
      for (const type of [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;x=y",
      ]) {
        expect([type, (await post(body(), { "Content-Type": type })).status]).toEqual([type, 201]);
      }
    });

    test("PATCH also takes application/merge-patch+json, other methods do not", async () => {
      const { id } = await user();
      const headers = { "Content-Type": "application/merge-patch+json; charset=utf-8" };
      const patched = await api.send("PATCH", `/users/${id}`, { body: { name: "Jane" }, headers });
      expect([patched.status, patched.json.name]).toEqual([200, "Jane"]);
      const put = await api.send("PUT", `/users/${id}`, { body: { name: "Jim" }, headers });
      expect([put.status, put.json.code]).toEqual([415, "unsupported_media_type"]);
    });

    test("a body with a content encoding is 415", async () => {
      const body = JSON.stringify({ name: "John", email: address() });
      for (const encoding of ["gzip", "identity", "br"]) {
        const { status, json } = await post(body, { "Content-Encoding": encoding });
        expect([encoding, status, json.code]).toEqual([encoding, 415, "unsupported_media_type"]);
      }
    });

    test("a body of more than 64 KiB is 413", async () => {
      const { status, json } = await post(`{"name":"${"x".repeat(65_536)}"}`);
      expect([status, json.code]).toEqual([413, "body_too_large"]);
    });
  });

  describe("headers", () => {
    test("every answer of the app has a request id, a content type and nosniff", async () => {
      for (const path of ["/users", "/nope", "/users/x", "/hello", "/users?x=1"]) {
        const { status, headers } = await api.send("GET", path);
        expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("content-type")).toMatch(
          status < 400 ? /^application\/json/ : /^application\/problem\+json/,
        );
      }
    });

    test("a valid request id of the caller is returned, an invalid one is replaced", async () => {
      const idOf = async (id: string) => {
        const { headers, json } = await api.send("GET", "/nope", {
          headers: { "X-Request-Id": id },
        });
        expect(json.requestId).toBe(headers.get("x-request-id"));
        return headers.get("x-request-id");
      };
      expect(await idOf("my-request.1")).toBe("my-request.1");
      for (const invalid of ["short", "x".repeat(65), "has spaces in it", "<script>alert"]) {
        expect(await idOf(invalid)).not.toBe(invalid);
      }
    });

    test("browsers can read every answer and error, without credentials", async () => {
      const headers = { Origin: "https://shop.example" };
      for (const [path, scope] of [
        ["/users", "admin"],
        ["/users", null],
        ["/users", "read:items"],
        ["/nope", null],
      ] as const) {
        const answer = await api.send("GET", path, { scope, headers });
        // The Partner API's gateway adds no CORS headers to its own answers.
        if (api.partner && path === "/users" && scope !== "admin") continue;
        expect(answer.headers.get("access-control-allow-origin")).toBe("*");
        expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
        expect(answer.headers.get("access-control-expose-headers")?.toLowerCase()).toContain(
          "etag",
        );
      }
    });

    test("a preflight request is 204 without credentials", async () => {
      const answer = await api.send("OPTIONS", "/users/x", {
        scope: null,
        headers: {
          Origin: "https://shop.example",
          "Access-Control-Request-Method": "PATCH",
          "Access-Control-Request-Headers": "authorization, if-match",
        },
      });
      expect(answer.status).toBe(204);
      expect(answer.text).toBe("");
      const list = (name: string) => answer.headers.get(name)?.toLowerCase().split(/,\s*/) ?? [];
      for (const method of ["get", "post", "put", "patch", "delete", "options", "head"]) {
        expect(list("access-control-allow-methods")).toContain(method);
      }
      for (const name of [
        "content-type",
        "authorization",
        "x-api-key",
        "x-amz-date",
        "x-amz-security-token",
        "x-requested-with",
        "if-match",
        "idempotency-key",
        "last-event-id",
      ]) {
        expect(list("access-control-allow-headers")).toContain(name);
      }
      expect(answer.headers.get("access-control-max-age")).toBe("86400");
    });

    test("Link of a list and of a history leads to the next page", async () => {
      const { id } = (await api.send("POST", "/items", { body: { n: 1 } })).json;
      await api.send("POST", "/items", { body: { n: 1 } });
      await api.send("PATCH", `/items/${id}`, { body: { n: 2 } });
      const next = async (path: string) => {
        const { headers } = await api.send("GET", path);
        return /^<(.*)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1] ?? "";
      };
      const list = await next("/items?limit=1");
      expect(list).toMatch(/^\/items\?limit=1&nextToken=/);
      expect((await api.send("GET", list)).json.count).toBe(1);
      if (!api.gateway) return; // nothing fills the change log there
      // The change log is some moments behind the record.
      const path = `/items/${id}/history?limit=1`;
      await expect.poll(() => next(path), { timeout: 10_000 }).toContain(`/items/${id}/history?`);
      const page = await api.send("GET", await next(path));
      expect(page.json.items).toMatchObject([{ version: 1 }]);
    });

    test("header names are case-insensitive", async () => {
      const made = await user();
      const answer = await api.send("PATCH", `/users/${made.id}`, {
        body: { name: "Jane" },
        headers: { "iF-mAtCh": '"7"' },
      });
      expect(answer.status).toBe(412);
    });
  });

  describe("conditional requests", () => {
    test("a version that the caller already has is 304, without a body", async () => {
      const made = await user();
      const get = (tag: string) =>
        api.send("GET", `/users/${made.id}`, { headers: { "If-None-Match": tag } });
      for (const tag of ['"1"', 'W/"1"', '"0", "1"', "*"]) {
        const answer = await get(tag);
        expect([tag, answer.status, answer.text]).toEqual([tag, 304, ""]);
        expect(answer.headers.get("etag")).toBe('"1"');
      }
      for (const tag of ['"2"', '"11"']) expect((await get(tag)).status).toBe(200);
    });

    test("a stale version is 412 and changes nothing", async () => {
      const made = await user();
      const send = (method: string, tag: string) =>
        api.send(method, `/users/${made.id}`, {
          body: method === "DELETE" ? undefined : { name: "Jane" },
          headers: { "If-Match": tag },
        });
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        for (const tag of ['"2"', 'W/"1"', '"x"', '"1.1"']) {
          const { status, json } = await send(method, tag);
          expect([method, tag, status]).toEqual([method, tag, 412]);
          expect(json).toMatchObject(problem(412, "precondition_failed", { currentVersion: 1 }));
        }
      }
      expect((await send("PUT", '"1"')).json.version).toBe(2);
      expect((await send("PATCH", '"1", "2"')).status).toBe(200);
      expect((await send("DELETE", "*")).status).toBe(204);
    });

    test("a write is 412 if its If-None-Match has the current version, and is done if not", async () => {
      const made = await user();
      const send = (method: string, headers: Record<string, string>, name = newId()) =>
        api.send(method, `/users/${made.id}`, {
          body: method === "DELETE" ? undefined : { name },
          headers,
        });
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        for (const tag of ['"1"', 'W/"1"', '"7", "1"']) {
          const { status, json } = await send(method, { "If-None-Match": tag });
          expect([method, tag, status]).toEqual([method, tag, 412]);
          expect(json).toMatchObject(problem(412, "precondition_failed", { currentVersion: 1 }));
        }
      }
      const both = { "If-Match": '"1"', "If-None-Match": '"1"' };
      expect((await send("PUT", both)).status).toBe(412);
      expect((await send("PUT", { ...both, "If-None-Match": '"2"' })).json.version).toBe(2);
      expect((await send("PUT", { ...both, "If-None-Match": '"3"' })).status).toBe(412);
      // The version that the first request makes is the one that its repetition knows.
      const keyed = { "If-None-Match": '"3"', "Idempotency-Key": newId() };
      const first = await send("PATCH", keyed, "Jane");
      const again = await send("PATCH", keyed, "Jane");
      expect([first.json.version, again.status, again.text]).toEqual([3, 200, first.text]);
      expect((await send("DELETE", { "If-None-Match": '"1"' })).status).toBe(204);
      expect((await send("PUT", { "If-None-Match": '"1"' })).status).toBe(404);
    });

    test("If-Match takes up to 100 different tags, each any number of times", async () => {
      const made = await user();
      const send = (tags: string[]) =>
        api.send("PATCH", `/users/${made.id}`, {
          body: { name: "Jane" },
          headers: { "If-Match": tags.join(",") },
        });
      const numbers = Array.from({ length: 101 }, (_, n) => `"${n + 1}"`);
      const hundred = numbers.slice(0, 100);
      expect((await send([...hundred, ...hundred.slice(0, 60)])).status).toBe(200);
      expect((await send(Array.from({ length: 200 }, () => '"2"'))).status).toBe(200);
      const { status, json } = await send(numbers);
      expect([status, json.code]).toEqual([400, "invalid_parameter"]);
    });

    test.each(["If-Match", "If-None-Match", "Idempotency-Key"])(
      "%s without a value is 400, and nothing is written",
      async (name) => {
        const made = await user();
        for (const value of ["", " "]) {
          const { status, json } = await api.send("PATCH", `/users/${made.id}`, {
            body: { name: "Jane" },
            headers: { [name]: value },
          });
          if (api.dropsEmptyConditions && name.startsWith("If-")) {
            expect(status).toBe(200); // the app has not seen the header
            return;
          }
          expect([status, json.code]).toEqual([400, "invalid_parameter"]);
          expect(json.errors[0].parameter).toBe(name.toLowerCase());
        }
        expect((await api.send("GET", `/users/${made.id}`)).json.version).toBe(1);
      },
    );

    test("an invalid header value is 400", async () => {
      const made = await user();
      for (const [name, value] of [
        ["If-Match", "1"],
        ["If-Match", '"1'],
        ["If-None-Match", "nope"],
        ["Idempotency-Key", "has a space"],
        ["Idempotency-Key", "x".repeat(256)],
        ["X-Client-Ref", "<script>"],
      ] as const) {
        const { status, json } = await api.send("PATCH", `/users/${made.id}`, {
          body: { name: "Jane" },
          headers: { [name]: value },
        });
        expect([name, status, json.code]).toEqual([name, 400, "invalid_parameter"]);
        expect(json.errors[0].parameter).toBe(name.toLowerCase());
      }
    });
  });

  describe("idempotency keys", () => {
    test("a repeated request gets its first answer again, marked as replayed", async () => {
      const headers = { "Idempotency-Key": newId() };
      const body = { name: "John", email: address() };
      const first = await api.send("POST", "/users", { body, headers });
      const again = await api.send("POST", "/users", { body, headers });
      expect(first.headers.get("idempotency-replayed")).toBeNull();
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      expect([again.status, again.text]).toEqual([201, first.text]);
      for (const name of ["location", "etag"]) {
        expect(again.headers.get(name)).toBe(first.headers.get(name));
      }
    });

    test("the same key with another body or path is 422", async () => {
      const headers = { "Idempotency-Key": newId() };
      const body = { name: "John", email: address() };
      await api.send("POST", "/users", { body, headers });
      for (const [path, other] of [
        ["/users", { ...body, name: "Jane" }],
        ["/items", body],
      ] as const) {
        const { status, json } = await api.send("POST", path, { body: other, headers });
        expect([path, status, json.code]).toEqual([path, 422, "idempotency_key_reused"]);
      }
    });

    test("DELETE, PUT and PATCH accept a key too", async () => {
      const made = await user();
      const path = `/users/${made.id}`;
      for (const [method, body] of [
        ["PUT", { name: "Jane" }],
        ["PATCH", { age: 30 }],
        ["DELETE", undefined],
      ] as const) {
        const headers = { "Idempotency-Key": newId() };
        const first = await api.send(method, path, { body, headers });
        const again = await api.send(method, path, { body, headers });
        expect([again.status, again.text]).toEqual([first.status, first.text]);
        expect(again.headers.get("idempotency-replayed")).toBe("true");
      }
    });
  });

  describe("a key belongs to one request, whatever the kinds of the two requests are:", () => {
    const one = () => ({ name: "John", email: address() });
    const post = (path: string, body: unknown, key: string) =>
      api.send("POST", path, { body, headers: { "Idempotency-Key": key } });
    const exists = async ({ email }: { email: string }) =>
      (await api.send("GET", `/users?email=${encodeURIComponent(email)}`)).json.count === 1;

    test.each([
      ["batch", "longer batch"],
      ["longer batch", "batch"],
      ["user", "batch"],
      ["batch", "user"],
      ["user", "batch of one"],
      ["batch of one", "user"],
      ["atomic batch", "longer batch"],
      ["longer batch", "atomic batch"],
      ["atomic batch", "user"],
      ["user", "atomic batch"],
    ])("%s, then %s", async (before, after) => {
      const shared = [one(), one()];
      const own = one();
      // The second request also has what the first one has not.
      const bodies = (last: object[]): Record<string, [path: string, body: unknown]> => ({
        user: ["/users", last[0] ?? shared[0]],
        batch: ["/users/batch", [...shared, ...last].slice(-2)],
        "batch of one": ["/users/batch", last.length > 0 ? last : [shared[0]]],
        "longer batch": ["/users/batch", [...shared, one(), ...last]],
        "atomic batch": ["/users/batch", { items: [...shared, ...last], atomic: true }],
      });
      const key = newId();
      const [firstPath, firstBody] = bodies([])[before] ?? [];
      expect((await post(firstPath ?? "", firstBody, key)).status).toBe(201);
      const [path, body] = bodies([own])[after] ?? [];
      const second = await post(path ?? "", body, key);
      expect([second.status, second.json.code]).toEqual([422, "idempotency_key_reused"]);
      expect(await exists(own)).toBe(false);
    });

    test("a batch that could create nothing can be repeated with its key", async () => {
      const taken = one();
      const other = (await api.send("POST", "/users", { body: taken })).json;
      const key = newId();
      const refused = await post("/users/batch", [taken], key);
      expect(refused.json).toMatchObject({ succeeded: 0, failed: 1 });
      await api.send("DELETE", `/users/${other.id}`);
      const again = await post("/users/batch", [taken], key);
      expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, null]);
    });
  });

  describe("batches", () => {
    const one = () => ({ name: "John", email: address() });

    test("a batch whose entries all succeed is 201, as an array or under items", async () => {
      for (const body of [
        [one(), one()],
        { items: [one(), one()] },
        { items: [one(), one()], atomic: true },
      ]) {
        const { status, json } = await api.send("POST", "/users/batch", { body });
        expect(status).toBe(201);
        expect(json).toMatchObject({ succeeded: 2, failed: 0 });
        expect(
          json.results.map(({ index, status: s }: { index: number; status: number }) => [index, s]),
        ).toEqual([
          [0, 201],
          [1, 201],
        ]);
        const read = await api.send("GET", `/users/${json.results[1].record.id}`);
        expect(read.json).toEqual(json.results[1].record);
      }
    });

    test("a batch with failures is 207, with a result for each entry", async () => {
      const taken = one();
      const body = [one(), { name: "x" }, taken, taken, "no user", { ...one(), extra: 1 }];
      const { status, json } = await api.send("POST", "/users/batch", { body });
      expect(status).toBe(207);
      const statuses = json.results.map((result: { status: number }) => result.status);
      expect([statuses[0], statuses[1], statuses[4], statuses[5]]).toEqual([201, 400, 400, 400]);
      expect(new Set([statuses[2], statuses[3]])).toEqual(new Set([201, 409]));
      expect([json.succeeded, json.failed]).toEqual([2, 4]);
      expect(json.results[1].problem).toMatchObject(problem(400, "invalid_request"));
    });

    test("an atomic batch with one invalid entry stores nothing", async () => {
      const taken = one();
      await api.send("POST", "/users", { body: taken });
      const fresh = one();
      const conflict = await api.send("POST", "/users/batch", {
        body: { items: [fresh, taken], atomic: true },
      });
      expect(conflict.json).toMatchObject(
        problem(409, "email_exists", { index: 1, errors: [{ pointer: "/items/1/email" }] }),
      );
      const invalid = await api.send("POST", "/users/batch", {
        body: { items: [fresh, { name: "" }], atomic: true },
      });
      expect(invalid.status).toBe(400);
      expect(invalid.json.errors[0].pointer).toMatch(/^\/items\/1\//);
      const found = await api.send("GET", `/users?email=${encodeURIComponent(fresh.email)}`);
      expect(found.json.count).toBe(0);
    });

    test("an atomic batch with one email or sku twice is 409 at the second entry", async () => {
      const [first, second] = [one(), one()];
      const users = await api.send("POST", "/users/batch", {
        body: {
          items: [second, first, { ...one(), email: first.email.toUpperCase() }],
          atomic: true,
        },
      });
      expect(users.json).toMatchObject(
        problem(409, "email_exists", { index: 2, errors: [{ pointer: "/items/2/email" }] }),
      );
      const product = { name: "Pen", price: 1, category: "pens", sku: newId() };
      const products = await api.send("POST", "/products/batch", {
        body: { items: [product, product], atomic: true },
      });
      expect(products.json).toMatchObject(
        problem(409, "sku_exists", { index: 1, errors: [{ pointer: "/items/1/sku" }] }),
      );
      const { sku: _sku, ...plain } = product;
      const body = { items: [plain, plain], atomic: true };
      expect((await api.send("POST", "/products/batch", { body })).status).toBe(201);
    });

    test("a batch has 1 to 100 entries, an atomic one at most 25", async () => {
      const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
      const status = async (body: object) =>
        (await api.send("POST", "/items/batch", { body })).status;
      expect(await status(items(100))).toBe(201);
      expect(await status(items(101))).toBe(400);
      expect(await status(items(1))).toBe(201);
      // There are more than 100 items now: a larger limit counts as 100.
      for (const limit of [100, 101, 1_000_000]) {
        const { json } = await api.send("GET", `/items?limit=${limit}`);
        expect([limit, json.count, json.nextToken]).toEqual([limit, 100, expect.any(String)]);
      }
      expect(await status([])).toBe(400);
      expect(await status({ items: items(25), atomic: true })).toBe(201);
      expect(await status({ items: items(26), atomic: true })).toBe(400);
      expect(await status({ items: items(1), atomic: "yes" })).toBe(400);
      expect(await status({ items: items(1), extra: 1 })).toBe(400);
    });

    test("a repeated batch gets its first answer again, failures included", async () => {
      for (const [more, atomic] of [
        [[{ name: "x" }], false],
        [[], true],
      ] as const) {
        const body = { items: [one(), one(), ...more], atomic };
        const headers = { "Idempotency-Key": newId() };
        const first = await api.send("POST", "/users/batch", { body, headers });
        const again = await api.send("POST", "/users/batch", { body, headers });
        expect([again.status, again.text]).toEqual([first.status, first.text]);
        expect(again.headers.get("idempotency-replayed")).toBe("true");
        const reused = await api.send("POST", "/users/batch", {
          body: { items: [one(), one()], atomic },
          headers,
        });
        expect([reused.status, reused.json.code]).toEqual([422, "idempotency_key_reused"]);
      }
    });
  });

  test("a problem has at most 50 faults, and says how many there are", async () => {
    const members = Array.from({ length: 5_000 }, (_, n) => [`member${n}`, 1] as const);
    const entry = { name: "John", email: address(), ...Object.fromEntries(members) };
    const single = await api.send("POST", "/users", {
      body: Object.fromEntries(members.slice(0, 3_000)),
    });
    expect(single.status).toBe(400);
    expect(single.json.errors).toHaveLength(50);
    expect(single.json.errorCount).toBeGreaterThanOrEqual(3_000);
    const batch = await api.send("POST", "/users/batch", {
      body: [entry, { name: "John", email: address() }],
      headers: { "Idempotency-Key": newId() },
    });
    expect(batch.status).toBe(207);
    expect(batch.json.results[0].problem.errors).toHaveLength(50);
    expect(batch.json.results[0].problem.errorCount).toBe(5_000);
    const few = await api.send("POST", "/users", { body: { other: 1 } });
    expect(few.json.errorCount).toBeUndefined();
  });

  test("an error never repeats what the client sent", async () => {
    const canary = "c4n4ry";
    for (const [method, path, body] of [
      [
        "POST",
        "/users",
        { name: canary, email: canary, phone: canary, age: canary, status: canary },
      ],
      [
        "POST",
        "/products",
        { name: [canary], price: canary, currency: canary, category: { canary } },
      ],
      ["POST", "/users", `{"name":"${canary}`],
      ["GET", `/users/${canary}`, undefined],
      ["GET", `/users?email=${canary}&limit=${canary}`, undefined],
      ["GET", `/users?nextToken=${canary}`, undefined],
      ["GET", `/${canary}`, undefined],
      ["PUT", `/items/${canary}`, { canary }],
      ["POST", "/users/batch", [{ name: canary }, canary]],
    ] as const) {
      const answer = await api.send(method, path, { body });
      expect(answer.status).toBeGreaterThanOrEqual(207);
      expect(answer.text.toLowerCase()).not.toContain(canary);
    }
  });
});
