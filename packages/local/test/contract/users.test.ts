import { expect, test } from "vitest";
import { address } from "../drivers.ts";
import { contract, problem } from "./suite.ts";

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

contract((api) => {
  const create = async (given: object = {}) =>
    (await api.send("POST", "/users", { body: { name: "John Doe", email: address(), ...given } }))
      .json;

  test("a created user is returned with all its members", async () => {
    const email = address();
    const answer = await api.send("POST", "/users", {
      body: { name: "  John Doe ", email: ` ${email} `, phone: "5551234567", age: 30 },
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: expect.stringMatching(UUID7),
      name: "John Doe",
      email,
      phone: "5551234567",
      age: 30,
      status: "active",
      createdAt: expect.stringMatching(TIME),
      updatedAt: answer.json.createdAt,
      version: 1,
    });
    expect(answer.headers.get("location")).toBe(`/users/${answer.json.id}`);
    expect(answer.headers.get("etag")).toBe('"1"');
    const read = await api.send("GET", `/users/${answer.json.id}`);
    expect(read.status).toBe(200);
    expect(read.json).toEqual(answer.json);
  });

  test("a list is items, count and nextToken", async () => {
    await create();
    const { status, json } = await api.send("GET", "/users?limit=1");
    expect(status).toBe(200);
    expect(json).toEqual({ items: [expect.any(Object)], count: 1, nextToken: expect.any(String) });
  });

  test("an unknown user is 404, and the answer does not repeat the id", async () => {
    const { status, json, text } = await api.send("GET", "/users/no-such-user");
    expect(status).toBe(404);
    expect(json).toMatchObject(
      problem(404, "user_not_found", { detail: "User not found", instance: "/users/{id}" }),
    );
    expect(text).not.toContain("no-such-user");
  });

  test("PUT changes the given members and returns the whole record", async () => {
    const user = await create({ phone: "5551234567" });
    const answer = await api.send("PUT", `/users/${user.id}`, { body: { name: "Jane" } });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      ...user,
      name: "Jane",
      updatedAt: answer.json.updatedAt,
      version: 2,
    });
    expect(answer.headers.get("etag")).toBe('"2"');
  });

  test("PATCH merges: null removes a member, if it is optional", async () => {
    const user = await create({ phone: "5551234567", age: 40 });
    const answer = await api.send("PATCH", `/users/${user.id}`, {
      body: { phone: null, name: "Jane" },
    });
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("phone");
    expect(answer.json).toMatchObject({ name: "Jane", age: 40, version: 2 });
    for (const body of [{ name: null }, { email: null }, { status: null }]) {
      expect((await api.send("PATCH", `/users/${user.id}`, { body })).status).toBe(400);
    }
    expect((await api.send("PUT", `/users/${user.id}`, { body: { phone: null } })).status).toBe(
      400,
    );
  });

  test("an update without members is 400", async () => {
    const user = await create();
    for (const method of ["PUT", "PATCH"]) {
      const { status, json } = await api.send(method, `/users/${user.id}`, { body: {} });
      expect(status).toBe(400);
      expect(json).toMatchObject(
        problem(400, "no_fields_to_update", { detail: "No fields to update" }),
      );
    }
  });

  test("DELETE is 204 without a body, then 404", async () => {
    const user = await create();
    const answer = await api.send("DELETE", `/users/${user.id}`);
    expect(answer.status).toBe(204);
    expect(answer.text).toBe("");
    // A REST API adds a type to each answer that has none.
    expect(answer.headers.get("content-type")).toBe(api.partner ? "application/json" : null);
    expect((await api.send("DELETE", `/users/${user.id}`)).status).toBe(404);
    expect((await api.send("GET", `/users/${user.id}`)).status).toBe(404);
    expect((await api.send("PUT", `/users/${user.id}`, { body: { name: "Back" } })).status).toBe(
      404,
    );
    const again = await api.send("POST", "/users", { body: { name: "John", email: user.email } });
    expect(again.status).toBe(201);
  });

  test("the email of another user is 409, whatever its case", async () => {
    const user = await create();
    const body = { name: "Jane", email: user.email.toUpperCase() };
    const { status, json } = await api.send("POST", "/users", { body });
    expect(status).toBe(409);
    expect(json).toMatchObject(
      problem(409, "email_exists", {
        errors: [{ pointer: "/email", code: "not_unique", detail: "Email already exists" }],
      }),
    );
    const other = await create();
    const update = await api.send("PATCH", `/users/${other.id}`, { body: { email: user.email } });
    expect(update.status).toBe(409);
  });

  test("the email filter finds one user or none", async () => {
    const user = await create();
    const found = await api.send(
      "GET",
      `/users?email=${encodeURIComponent(user.email.toUpperCase())}`,
    );
    expect(found.json).toEqual({ items: [user], count: 1, nextToken: null });
    const none = await api.send("GET", `/users?email=${encodeURIComponent(address())}`);
    expect(none.json).toEqual({ items: [], count: 0, nextToken: null });
  });

  test.each([
    [{ email: "a@b.co" }, "/name", "required", "Name required"],
    [{ name: "   ", email: "a@b.co" }, "/name", "required", "Name required"],
    [{ name: "x", email: "a@b.co" }, "/name", "too_short", "Name too short"],
    [{ name: "x".repeat(101), email: "a@b.co" }, "/name", "too_long", undefined],
    [{ name: 7, email: "a@b.co" }, "/name", "invalid_type", undefined],
    [{ name: null, email: "a@b.co" }, "/name", "invalid_type", undefined],
    [{ name: "John" }, "/email", "required", "Email required"],
    [{ name: "John", email: " " }, "/email", "required", "Email required"],
    [{ name: "John", email: "a@b" }, "/email", "invalid_format", "Invalid email format"],
    [{ name: "John", email: "x@y.z" }, "/email", "invalid_format", "Invalid email format"],
    [{ name: "John", email: "a b@c.de" }, "/email", "invalid_format", "Invalid email format"],
    [
      { name: "John", email: `${"a".repeat(250)}@b.co` },
      "/email",
      "invalid_format",
      "Invalid email format",
    ],
    [{ name: "John", email: "a@b.co", phone: "555-1234" }, "/phone", "invalid_format", undefined],
    [{ name: "John", email: "a@b.co", phone: 5551234567 }, "/phone", "invalid_type", undefined],
    [{ name: "John", email: "a@b.co", age: 17 }, "/age", "too_small", undefined],
    [{ name: "John", email: "a@b.co", age: 121 }, "/age", "too_big", undefined],
    [{ name: "John", email: "a@b.co", age: 18.5 }, "/age", "invalid_type", undefined],
    [{ name: "John", email: "a@b.co", age: "18" }, "/age", "invalid_type", undefined],
    [{ name: "John", email: "a@b.co", status: "gone" }, "/status", "invalid_value", undefined],
    [{ name: "John", email: "a@b.co", role: "admin" }, "/role", "unknown_member", undefined],
    [{ name: "John", email: "a@b.co", id: "1" }, "/id", "unknown_member", undefined],
  ])("%o is refused", async (body, pointer, code, detail) => {
    const { status, json } = await api.send("POST", "/users", { body });
    expect(status).toBe(400);
    expect(json).toMatchObject(problem(400, "invalid_request", { instance: "/users" }));
    const fault = json.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(fault).toMatchObject({ code, ...(detail && { detail }) });
  });

  test("one answer lists all problems, with one entry for each", async () => {
    const { json } = await api.send("POST", "/users", { body: { age: 3, extra: 1 } });
    expect(json.detail).toBe("Missing required field: name");
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
      "/age",
      "/email",
      "/extra",
      "/name",
    ]);
  });

  test("the length of a name counts code points, and the name is stored in NFC", async () => {
    expect((await create({ name: "😀😀" })).name).toBe("😀😀");
    expect((await create({ name: "Zoe\u0308" })).name).toBe("Zoë");
    expect((await create({ name: "😀".repeat(100) })).version).toBe(1);
  });

  test("an impossible id is 400", async () => {
    for (const id of ["x".repeat(129), "a%0Ab", "a%7F", "%00"]) {
      const { status, json } = await api.send("GET", `/users/${id}`);
      expect([id, status, json.code]).toEqual([id, 400, "invalid_id"]);
    }
    expect((await api.send("GET", `/users/${"x".repeat(128)}`)).status).toBe(404);
  });

  test("a page has 10 users by default, and at most 100", async () => {
    const batch = { items: Array.from({ length: 12 }, () => ({ name: "John", email: address() })) };
    await api.send("POST", "/users/batch", { body: batch });
    expect((await api.send("GET", "/users")).json.count).toBe(10);
    expect((await api.send("GET", "/users?limit=12")).json.count).toBe(12);
    expect((await api.send("GET", "/users?limit=1000000")).status).toBe(200);
    for (const limit of ["0", "-1", "1.5", "ten", "", "1e2", "%20"]) {
      const { status, json } = await api.send("GET", `/users?limit=${limit}`);
      expect([limit, status]).toEqual([limit, 400]);
      expect(json).toMatchObject(
        problem(400, "invalid_parameter", { errors: [{ parameter: "limit" }] }),
      );
    }
  });

  test("nextToken and the Link header lead to the next page", async () => {
    const first = await api.send("GET", "/users?limit=2&order=asc");
    const second = await api.send(
      "GET",
      `/users?limit=2&order=asc&nextToken=${first.json.nextToken}`,
    );
    const link = /^<(.+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
    expect((await api.send("GET", link)).json).toEqual(second.json);
    const ids = [...first.json.items, ...second.json.items].map(({ id }: { id: string }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted());
  });

  test("a page token that is forged, or from another list or order, is 400", async () => {
    await create();
    await create();
    const { nextToken } = (await api.send("GET", "/users?limit=1")).json;
    for (const path of [
      `/users?limit=1&order=asc&nextToken=${nextToken}`,
      `/items?nextToken=${nextToken}`,
      `/users?nextToken=${nextToken.slice(0, -1)}${nextToken.endsWith("A") ? "B" : "A"}`,
      `/users?nextToken=x`,
    ]) {
      const { status, json } = await api.send("GET", path);
      expect([path, status, json.code]).toEqual([path, 400, "invalid_cursor"]);
    }
    const { status, json } = await api.send("GET", "/users?nextToken=");
    expect([status, json.code]).toEqual([400, "invalid_parameter"]);
  });

  test("an unknown parameter is 400, so that a typing error never widens a list", async () => {
    for (const path of [
      "/users?lastKey=x",
      "/users?name=Ann",
      "/users?filter=x",
      "/users?limt=5",
    ]) {
      const { status, json } = await api.send("GET", path);
      expect([path, status, json.code]).toEqual([path, 400, "unknown_parameter"]);
    }
    const user = await create();
    for (const path of [`/users/${user.id}?include=orders`, `/users/${user.id}?__proto__=1`]) {
      expect((await api.send("GET", path)).json.code).toBe("unknown_parameter");
    }
  });

  test("repeated, empty and encoded parameters have the same effect on every host", async () => {
    expect((await api.send("GET", "/users?limit=1&limit=2")).json.code).toBe("invalid_parameter");
    expect((await api.send("GET", "/users?email=")).json.code).toBe("invalid_parameter");
    expect((await api.send("GET", "/users?%6Cimit=1")).json.count).toBe(1);
    expect((await api.send("GET", "/users")).status).toBe(200);
  });
});
