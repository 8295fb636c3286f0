import { expect, test } from "vitest";
import { echo, serveApi } from "../test/fixture.ts";
import { createHttpApi } from "../http/http-api.ts";
import type { LambdaHandler } from "../lambda.ts";
import type { LambdaAuthorizerConfig } from "./lambda-authorizer.ts";

const HEADER = "$request.header.Authorization";

async function open(handler: LambdaHandler, config: Partial<LambdaAuthorizerConfig> = {}) {
  const time = { now: 0 };
  const events: unknown[] = [];
  const api = await serveApi({
    clock: () => time.now,
    authorizers: {
      a: {
        type: "REQUEST",
        payloadFormatVersion: "2.0",
        simpleResponses: true,
        identitySource: [HEADER],
        ttl: 0,
        ...config,
        handler: (event, context) => {
          events.push(event);
          return handler(event, context);
        },
      },
    },
    routes: [
      { routeKey: "GET /{id}", handler: echo, authorizer: "a" },
      { routeKey: "GET /legacy/{id}", handler: echo, authorizer: "a", payloadFormatVersion: "1.0" },
    ],
  });
  const get = (target: string, identity = "k") =>
    api.send({ target, headers: [["Authorization", identity]] });
  return { ...api, time, events, get };
}

const policy =
  (...statements: object[]) =>
  () => ({
    principalId: "u",
    policyDocument: { Version: "2012-10-17", Statement: statements },
    context: { n: 1 },
  });
const statement = (Effect: string, Resource: string | string[], more: object = {}) => ({
  Effect,
  Resource,
  Action: "execute-api:Invoke",
  ...more,
});
const denying = (more: object) => ({
  Effect: "Deny",
  ...("NotAction" in more ? {} : { Action: "execute-api:Invoke" }),
  ...more,
});
const ARN = "arn:aws:execute-api:us-east-1:123456789012:laptop/$default/GET/1";

test.each([
  ["allows this ARN", [statement("Allow", ARN)], 200],
  ["allows with wildcards", [statement("Allow", "arn:aws:execute-api:*:*:*/GET/?")], 200],
  ["allows one of several", [statement("Allow", ["x", ARN])], 200],
  ["allows another path", [statement("Allow", `${ARN}0`)], 403],
  ["allows another action", [statement("Allow", "*", { Action: "s3:*" })], 403],
  ["allows under a condition", [statement("Allow", "*", { Condition: {} })], 403],
  ["both allows and denies", [statement("Allow", "*"), statement("Deny", ARN)], 403],
  ["has no statement", [], 403],
  ["denies all but another", [statement("Allow", "*"), denying({ NotResource: `${ARN}0` })], 403],
  ["denies all but this", [statement("Allow", "*"), denying({ NotResource: ARN })], 200],
  [
    "denies all but S3's",
    [statement("Allow", "*"), denying({ Resource: ARN, NotAction: "s3:*" })],
    403,
  ],
  ["has an unknown effect", [statement("Allow", "*"), statement("deny", ARN)], 500],
])("a policy that %s: %#", async (_, statements, status) => {
  const { get } = await open(policy(...statements), { simpleResponses: false });
  expect((await get("/1")).status).toBe(status);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no");
    },
  ],
  ["returns isAuthorized as text", () => ({ isAuthorized: "yes" })],
  ["returns nothing", () => undefined],
  ["returns a policy although simple responses are configured", policy(statement("Allow", "*"))],
])("an authorizer that %s is a reported 500", async (_, handler) => {
  const { get, problems } = await open(handler);
  expect((await get("/1")).status).toBe(500);
  expect(problems).toHaveLength(1);
});

test("events show the context, in format 1.0 directly in authorizer", async () => {
  const { get } = await open(() => ({
    isAuthorized: true,
    context: { n: 1, deep: { a: [true] } },
  }));
  const context = async (target: string) => {
    const event: { requestContext: { authorizer: unknown } } = JSON.parse(
      (await get(target)).body.toString(),
    );
    return event.requestContext.authorizer;
  };
  expect(await context("/1")).toEqual({ lambda: { n: 1, deep: { a: [true] } } });
  expect(await context("/legacy/1")).toEqual({ n: 1, deep: { a: [true] } });
});

test("caches a result, also a refusal, by identity until its ttl is over", async () => {
  const { get, events, time } = await open(() => ({ isAuthorized: false }), { ttl: 60 });
  await get("/1");
  await get("/2");
  expect(events).toHaveLength(1);
  await get("/1", "other");
  expect(events).toHaveLength(2);
  time.now = 60_000;
  await get("/1");
  expect(events).toHaveLength(3);
});

test("evaluates a cached policy for each request", async () => {
  const { get, events } = await open(policy(statement("Allow", ARN)), {
    simpleResponses: false,
    ttl: 60,
  });
  expect([(await get("/1")).status, (await get("/2")).status]).toEqual([200, 403]);
  expect(events).toHaveLength(1);
});

test("does not cache a failure", async () => {
  let failing = true;
  const { get } = await open(() => (failing ? undefined : { isAuthorized: true }), { ttl: 60 });
  expect((await get("/1")).status).toBe(500);
  failing = false;
  expect((await get("/1")).status).toBe(200);
});

test("the event in format 1.0 has the ARN and empty maps", async () => {
  const { get, events } = await open(policy(statement("Allow", "*")), {
    payloadFormatVersion: "1.0",
    simpleResponses: false,
  });
  await get("/1");
  expect(events[0]).toMatchObject({
    version: "1.0",
    type: "REQUEST",
    methodArn: ARN,
    identitySource: "k",
    resource: "/{id}",
    pathParameters: { id: "1" },
    queryStringParameters: {},
  });
});

test.each([
  [{ ttl: 3601 }, "ttl"],
  [{ ttl: 1, identitySource: [] }, "identity source"],
  [{ payloadFormatVersion: "1.0" as const }, "simple responses"],
  [{ identitySource: ["request.header.X"] }, "not a supported identity source"],
])("refuses the configuration %j", (changes, reason) => {
  const a: LambdaAuthorizerConfig = {
    type: "REQUEST",
    payloadFormatVersion: "2.0",
    simpleResponses: true,
    identitySource: [HEADER],
    ttl: 0,
    handler: echo,
    ...changes,
  };
  expect(() => createHttpApi({ routes: [], authorizers: { a }, onError: echo })).toThrow(reason);
});
