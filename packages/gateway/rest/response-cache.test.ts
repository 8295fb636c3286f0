import { expect, test } from "vitest";
import { header, serveRest } from "../test/fixture.ts";
import type { CacheConfig } from "./response-cache.ts";

async function open(cache: CacheConfig = {}, result: object = {}) {
  const time = { now: 0 };
  let count = 0;
  const actions = new Map([["admin", ["execute-api:Invoke", "execute-api:InvalidateCache"]]]);
  const { send } = await serveRest({
    clock: () => time.now,
    authorizers: {
      a: {
        type: "TOKEN",
        identitySource: "method.request.header.Authorization",
        handler: (event) => {
          const { authorizationToken } = event as { authorizationToken: string };
          const Action = actions.get(authorizationToken) ?? "execute-api:Invoke";
          const Statement = [{ Effect: "Allow", Action, Resource: "*" }];
          return { principalId: "u", policyDocument: { Statement } };
        },
      },
    },
    routes: [
      {
        routeKey: "GET /p/{id}",
        handler: () => {
          count++;
          return { statusCode: 200, body: String(count), ...result };
        },
        authorizer: "a",
        cache,
      },
    ],
  });
  const get = async (path: string, user = "bo", control?: string, method = "GET") => {
    const response = await send({
      method,
      target: `/dev/p/${path}`,
      headers: [
        ["X-HTTP-Method-Override", "GET"],
        ["Authorization", user],
        ...(control === undefined ? [] : [["Cache-Control", control] as const]),
      ],
    });
    return { ...response, text: response.body.toString(), warning: header(response, "warning") };
  };
  return { time, get, invocations: () => count };
}

test("only the named parameters tell answers apart", async () => {
  const { get } = await open({
    keyParameters: ["method.request.path.id", "method.request.querystring.limit"],
  });
  const asked = ["1", "1?x=9", "2", "1?limit=5", "1?limit=6", "1?limit=5&x=1"];
  const answers: string[] = [];
  for (const path of asked) answers.push((await get(path)).text);
  expect(answers).toEqual(["1", "1", "2", "3", "4", "3"]);
});

test("an answer is fresh again after its ttl, 300 s by default", async () => {
  const { get, time } = await open();
  await get("1");
  time.now += 299_999;
  expect((await get("1")).text).toBe("1");
  time.now += 1;
  expect((await get("1")).text).toBe("2");
});

test.each([
  ["an error of the server", { statusCode: 503 }],
  ["a malformed result", { wrong: 1 }],
  ["a body above 1 MiB", { body: "x".repeat(1_048_577) }],
])("%s is not cached", async (_, result) => {
  const { get, invocations } = await open({}, result);
  await get("1");
  await get("1");
  expect(invocations()).toBe(2);
});

test.each([
  ["SUCCEED_WITH_RESPONSE_HEADER", 200, "1", true],
  ["SUCCEED_WITHOUT_RESPONSE_HEADER", 200, "1", false],
  ["FAIL_WITH_403", 403, undefined, false],
] as const)("max-age=0 without the right to invalidate: %s", async (...row) => {
  const [unauthorized, status, text, warned] = row;
  const { get } = await open({ unauthorized });
  await get("1");
  const refused = await get("1", "bo", "max-age=0");
  expect(refused.status).toBe(status);
  if (text !== undefined) expect(refused.text).toBe(text);
  expect(refused.warning !== undefined).toBe(warned);
  expect((await get("1", "admin", "no-store, max-age=0")).text).toBe("2");
  expect((await get("1")).text).toBe("2");
});

test("a request of another method is neither answered from the cache nor kept in it", async () => {
  const { get } = await open();
  expect((await get("1", "bo", undefined, "POST")).text).toBe("1");
  expect((await get("1")).text).toBe("2");
  expect((await get("1", "bo", undefined, "POST")).text).toBe("3");
  expect((await get("1")).text).toBe("2");
});

test("without required authorization anyone may ask for a fresh answer", async () => {
  const { get } = await open({ requireAuthorization: false });
  await get("1");
  expect((await get("1", "bo", "max-age=0")).text).toBe("2");
});
