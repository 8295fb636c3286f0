import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import {
  type ClientOptions,
  createClient,
  MissingCursorError,
  pages,
  ProblemError,
  unwrap,
} from "../src/http.ts";

interface Seen {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}
type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | "hang up";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Starts a server that gives these answers one after the other, and repeats the last one. */
async function serve(...answers: Answer[]) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined || answer === "hang up") {
        response.destroy();
        return;
      }
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const waits: number[] = [];
  let now = 1_000_000;
  const client = (options: Partial<ClientOptions> = {}) =>
    createClient({
      baseUrl: url,
      token: "jwt",
      random: () => 0.5,
      timers: {
        setTimeout: (run, ms) => {
          waits.push(ms);
          now += ms;
          queueMicrotask(run);
        },
        clearTimeout: () => undefined,
        now: () => now,
      },
      ...options,
    });
  return { client, seen, url, waits };
}

const user = { id: "u", name: "Ana", email: "ana@example.com", version: 1 };
const ana = { name: "Ana", email: "ana@example.com" };
const busy = { status: 503, headers: { "Retry-After": "2" }, body: { code: "unavailable" } };

const keyOf = ({ headers }: Seen) => headers["idempotency-key"];

describe("the HTTP client", () => {
  it("sends the token and the client's ref, and returns the parsed body", async () => {
    const { client, seen } = await serve({ status: 200, body: { items: [user], nextToken: null } });
    const list = await unwrap(client({ clientRef: "tab-7" }).users.$get({ query: {} }));
    expect(list.items[0]?.name).toBe("Ana");
    expectTypeOf(list.items).items.toHaveProperty("email");
    expect(seen[0]?.headers).toMatchObject({
      authorization: "Bearer jwt",
      "x-client-ref": "tab-7",
    });
    expect(seen.map(keyOf)).toEqual([undefined]);
  });

  it("sends an API key beside the token, and the ref of one call instead of the client's", async () => {
    const { client, seen } = await serve({ status: 200, body: user });
    const { users } = client({ apiKey: "key-1", clientRef: "tab-7" });
    const headers = { "X-Client-Ref": "write-1" };
    await unwrap(users[":id"].$patch({ param: { id: "u" }, json: { name: "Ana" } }, { headers }));
    await unwrap(client().users[":id"].$get({ param: { id: "u" } }));
    expect(seen[0]?.headers).toMatchObject({
      authorization: "Bearer jwt",
      "x-api-key": "key-1",
      "x-client-ref": "write-1",
    });
    expect(seen[1]?.headers).not.toHaveProperty("x-api-key");
  });

  it("puts values into the path and the query, below the path of a stage", async () => {
    const { client, seen, url } = await serve({
      status: 200,
      body: { items: [], nextToken: null },
    });
    const { items } = client({ baseUrl: `${url}/v1/` });
    await items.$get({ query: { type: "a&b c", limit: 5, order: undefined } });
    await items[":id"].history.$get({ param: { id: "a/b ü?" } });
    await items.$post({ json: { title: "x" } });
    expect(seen.map((one) => `${one.method} ${one.url} ${one.body}`)).toEqual([
      "GET /v1/items?type=a%26b+c&limit=5 ",
      "GET /v1/items/a%2Fb%20%C3%BC%3F/history ",
      'POST /v1/items {"title":"x"}',
    ]);
    expect(seen.map(({ headers }) => headers["content-type"])).toEqual([
      undefined,
      undefined,
      "application/json",
    ]);
  });

  it("ends one call when its own signal is aborted", async () => {
    const { client } = await serve("hang up");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(client().health.$get({}, { signal })).rejects.toThrow("enough");
  });

  it("uses one idempotency key for all tries of a call, and another one for the next call", async () => {
    const { client, seen, waits } = await serve(busy, "hang up", { status: 201, body: user });
    const { users } = client();
    expect(await unwrap(users.$post({ json: ana }))).toEqual(user);
    await unwrap(users.$post({ json: ana }));
    const [first, second, third, fourth] = seen.map(keyOf);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
    expect(waits).toEqual([2_100, 200]);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
  });

  it("keeps the caller's own key, and retries a PUT that has one", async () => {
    const { client, seen } = await serve(busy, { status: 200, body: user });
    const headers = { "Idempotency-Key": "mine" };
    const { users } = client();
    await unwrap(users[":id"].$put({ param: { id: "u" }, json: ana }, { headers }));
    expect(seen.map(keyOf)).toEqual(["mine", "mine"]);
  });

  it("never retries a PUT without a key", async () => {
    const { client, seen } = await serve(busy);
    const answer = unwrap(client().users[":id"].$put({ param: { id: "u" }, json: ana }));
    await expect(answer).rejects.toMatchObject({ status: 503, code: "unavailable" });
    expect(seen).toHaveLength(1);
  });

  it("stops after the last retry, and before a wait that is too long", async () => {
    const few = await serve(busy);
    await expect(unwrap(few.client({ retries: 2 }).health.$get())).rejects.toThrow(ProblemError);
    expect(few.seen).toHaveLength(3);
    const long = await serve({ status: 429, headers: { "Retry-After": "60" } });
    await expect(unwrap(long.client().health.$get())).rejects.toMatchObject({
      code: "too_many_requests",
    });
    expect(long.seen).toHaveLength(1);
  });

  it("does not retry when the month's quota is used up", async () => {
    const { client, seen } = await serve({ status: 429, body: { message: "Limit Exceeded" } });
    await expect(unwrap(client().health.$get())).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(seen).toHaveLength(1);
  });

  it("asks for a fresh token after a 401, once per call", async () => {
    const { client, seen } = await serve({ status: 401, body: { message: "Unauthorized" } });
    const refused: (string | undefined)[] = [];
    const token = (old?: string) => {
      refused.push(old);
      return `jwt-${refused.length}`;
    };
    const answer = unwrap(client({ token }).users.$post({ json: ana }));
    await expect(answer).rejects.toMatchObject({ status: 401, code: "unauthenticated" });
    expect(refused).toEqual([undefined, "jwt-1"]);
    expect(seen.map(({ headers }) => headers["authorization"])).toEqual([
      "Bearer jwt-1",
      "Bearer jwt-2",
    ]);
    expect(new Set(seen.map(keyOf)).size).toBe(1);
  });

  it("throws the app's problems with all their members", async () => {
    const { client } = await serve({
      status: 409,
      headers: { "X-Request-Id": "request-1" },
      body: {
        code: "email_exists",
        detail: "Another user has this email address",
        requestId: "request-1",
        errors: [{ pointer: "/email", code: "not_unique", detail: "Email already exists" }],
      },
    });
    const error = await unwrap(client().users.$post({ json: ana })).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      status: 409,
      code: "email_exists",
      detail: "Another user has this email address",
      requestId: "request-1",
      errors: [{ pointer: "/email", code: "not_unique" }],
    });
  });

  it.each([
    [401, "unauthenticated"],
    [403, "insufficient_scope"],
    [413, "body_too_large"],
    [400, "invalid_request"],
    [500, "internal"],
  ])("derives the code of a gateway's own %i from its status", async (status, code) => {
    const { client } = await serve({ status, body: { message: "Words" } });
    const answer = unwrap(client().users[":id"].$get({ param: { id: "u" } }));
    await expect(answer).rejects.toMatchObject({ status, code, detail: "Words", errors: [] });
  });

  it("ends a call that waits for a retry when its signal is aborted", async () => {
    const { client, seen } = await serve(busy);
    const ending = new AbortController();
    const timers = {
      setTimeout: () => {
        ending.abort(new Error("enough"));
        return 0;
      },
      clearTimeout: () => undefined,
      now: () => 0,
    };
    const answer = client({ timers, signal: ending.signal }).health.$get();
    await expect(answer).rejects.toThrow("enough");
    expect(seen).toHaveLength(1);
  });

  it("reads all pages of a list, and keeps the cursor of the first page", async () => {
    const page = (cursor: string, nextToken: string | null) => ({
      status: 200,
      headers: { "Feed-Cursor": cursor },
      body: { items: [{ ...user, id: cursor }], nextToken },
    });
    const { client, seen } = await serve(page("c1", "n1"), page("c2", "n2"), page("c3", null));
    const { users } = client();
    const snapshot = await pages((query) => users.$get({ query }))();
    expect(snapshot.cursor).toBe("c1");
    expect(snapshot.records.map(({ id }) => id)).toEqual(["c1", "c2", "c3"]);
    expectTypeOf(snapshot.records).items.toHaveProperty("email");
    expect(seen.at(-1)?.url).toBe("/users?limit=100&nextToken=n2");
  });

  it("refuses a list without a cursor", async () => {
    const { client } = await serve({ status: 200, body: { items: [], nextToken: null } });
    const load = pages((query) => client().users.$get({ query }));
    await expect(load()).rejects.toThrow(MissingCursorError);
  });

  it("does not compile with a wrong route or input", () => {
    const wrong = (client: ReturnType<typeof createClient>) => [
      // @ts-expect-error -- no such route
      client.nothing,
      // @ts-expect-error -- an email is needed
      client.users.$post({ json: { name: "Ana" } }),
      // @ts-expect-error -- an id is needed
      client.users[":id"].$get(),
      // @ts-expect-error -- the answer of health is not a list
      pages(() => client.health.$get())().then(({ records }) => records[0]?.id),
    ];
    expectTypeOf(wrong).toBeFunction();
    // @ts-expect-error -- a token is needed
    expectTypeOf(createClient).toBeCallableWith({ baseUrl: "" });
    expectTypeOf<"email_exists">().toExtend<ProblemError["code"]>();
    expectTypeOf<"email_exist">().not.toExtend<ProblemError["code"]>();
  });
});
