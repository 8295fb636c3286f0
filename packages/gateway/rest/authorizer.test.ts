import { expect, test } from "vitest";
import { echo, header, serveRest } from "../test/fixture.ts";
import type { LambdaHandler } from "../lambda.ts";
import { type RestAuthorizerConfig, createRestAuthorizer } from "./authorizer.ts";
import type { RestApiConfig } from "./config.ts";

const TOKEN = { type: "TOKEN", identitySource: "method.request.header.Authorization" } as const;

async function open(
  handler: LambdaHandler,
  settings: object = {},
  more: Partial<RestApiConfig> = {},
) {
  const time = { now: 0 };
  const events: unknown[] = [];
  const authorizer = {
    ...TOKEN,
    ...settings,
    handler: ((event, context) => {
      events.push(event);
      return handler(event, context);
    }) satisfies LambdaHandler,
  } as RestAuthorizerConfig;
  const { send, problems } = await serveRest({
    clock: () => time.now,
    authorizers: { a: authorizer },
    routes: ["GET /a", "POST /a", "GET /b/{id}"].map((routeKey) => ({
      routeKey,
      handler: echo,
      authorizer: "a",
    })),
    ...more,
  });
  const get = async (target = "/a", token: string | null = "t", method = "GET") => {
    const headers = token === null ? [] : ([["Authorization", token]] as const);
    const response = await send({ method, target: `/dev${target}`, headers });
    const { status, body } = response;
    return {
      status,
      json: JSON.parse(body.toString()),
      type: header(response, "x-amzn-errortype"),
    };
  };
  return { time, events, get, problems };
}

const grant = (Effect: string, Resource: string | string[], more: object = {}) => ({
  principalId: "u",
  policyDocument: { Statement: [{ Effect, Action: "execute-api:Invoke", Resource }] },
  ...more,
});
const ARN = "arn:aws:execute-api:us-east-1:123456789012:laptop/dev";

test("a TOKEN authorizer gets the token and the method's ARN; its context is flat text", async () => {
  const context = { userId: "7", n: 1, b: true };
  const { get, events } = await open(() => grant("Allow", "*", { context }));
  const { status, json } = await get("/b/x%20y?q=1");
  expect(status).toBe(200);
  expect(events).toEqual([
    { type: "TOKEN", methodArn: `${ARN}/GET/b/x%20y`, authorizationToken: "t" },
  ]);
  expect(json.requestContext.authorizer).toEqual({
    principalId: "u",
    userId: "7",
    n: "1",
    b: "true",
    integrationLatency: expect.any(Number),
  });
});

test("a REQUEST authorizer gets the request", async () => {
  const { get, events } = await open(() => grant("Allow", "*"), {
    type: "REQUEST",
    identitySource: ["method.request.header.Authorization", "method.request.querystring.q"],
  });
  expect((await get("/b/7?q=1")).status).toBe(200);
  expect(events).toMatchObject([
    {
      type: "REQUEST",
      methodArn: `${ARN}/GET/b/7`,
      resource: "/b/{id}",
      path: "/b/7",
      httpMethod: "GET",
      headers: { Authorization: "t" },
      queryStringParameters: { q: "1" },
      pathParameters: { id: "7" },
      requestContext: { stage: "dev" },
    },
  ]);
  expect(await get("/b/7")).toMatchObject({ status: 401, type: "UnauthorizedException" });
  expect(events).toHaveLength(1);
});

test("a cached policy that names one method refuses the others", async () => {
  const { get, events, time } = await open((event) =>
    grant("Allow", (event as { methodArn: string }).methodArn),
  );
  expect((await get("/a")).status).toBe(200);
  expect(await get("/a", "t", "POST")).toMatchObject({
    status: 403,
    json: { Message: "User is not authorized to access this resource" },
  });
  expect((await get("/a", "other", "POST")).status).toBe(200);
  expect(events).toHaveLength(2);
  time.now += 300_000;
  expect((await get("/a", "t", "POST")).status).toBe(200);
  expect(events).toHaveLength(3);
});

test("a cached policy is for all identity sources together", async () => {
  const { get, events } = await open(() => grant("Allow", "*"), {
    type: "REQUEST",
    identitySource: ["method.request.header.Authorization", "method.request.querystring.q"],
  });
  for (const q of ["1", "2", "1"]) expect((await get(`/a?q=${q}`)).status).toBe(200);
  expect(events).toHaveLength(2);
});

test("with a ttl of 0 the function is called each time", async () => {
  const { get, events } = await open(() => grant("Allow", "*"), { ttl: 0 });
  await get();
  await get();
  expect(events).toHaveLength(2);
});

test.each([
  ["throws Unauthorized", new Error("Unauthorized"), 401, "UnauthorizedException", "Unauthorized"],
  ["throws anything else", new Error("unauthorized"), 500, "AuthorizerFailureException", null],
])("an authorizer that %s", async (_, error, status, type, message) => {
  const { get, problems } = await open(() => {
    throw error;
  });
  expect(await get()).toEqual({ status, type, json: { message } });
  expect(problems).toHaveLength(status === 500 ? 1 : 0);
});

const stating = (...Statement: object[]) => ({ principalId: "u", policyDocument: { Statement } });
const INVOKE = { Action: "execute-api:Invoke" };
const ALL = { Effect: "Allow", Action: "*", Resource: "*" };

test.each([
  ["nothing", undefined],
  ["text", "Allow"],
  ["no principal", { ...grant("Allow", "*"), principalId: undefined }],
  ["no policy", { principalId: "u" }],
  ["a policy without statements", { principalId: "u", policyDocument: { Version: "2012-10-17" } }],
  ["statements that are no objects", { principalId: "u", policyDocument: { Statement: ["x"] } }],
  ["an unknown effect", stating(ALL, { Effect: "deny", Action: "*", Resource: "*" })],
  ["no action", stating(ALL, { Effect: "Deny", Resource: "*" })],
  [
    "both resources",
    stating(ALL, { Effect: "Deny", Action: "*", Resource: "x", NotResource: "x" }),
  ],
  ["an action that is no text", stating(ALL, { Effect: "Deny", Action: [7], Resource: "*" })],
  ["a policy variable", stating(ALL, { Effect: "Deny", Action: "*", Resource: "*/${aws:userid}" })],
  ["an unknown element", stating({ ...ALL, Conditions: {} })],
  ["a principal", stating({ ...ALL, Principal: "*" })],
  ["an object in the context", grant("Allow", "*", { context: { a: {} } })],
  ["a key that is no text", grant("Allow", "*", { usageIdentifierKey: 7 })],
  ["a policy above 8 KB", grant("Allow", "x".repeat(8200))],
])("%s as the result is 500 and not cached", async (_, result) => {
  const { get, events } = await open(() => result);
  for (let n = 0; n < 2; n++) {
    expect(await get()).toEqual({
      status: 500,
      type: "AuthorizerConfigurationException",
      json: { message: null },
    });
  }
  expect(events).toHaveLength(2);
});

test.each([
  [
    "denies all but GET /a",
    [ALL, { Effect: "Deny", ...INVOKE, NotResource: `${ARN}/GET/a` }],
    200,
    403,
  ],
  [
    "denies all but S3's",
    [ALL, { Effect: "Deny", NotAction: "s3:*", Resource: `*/GET/a` }],
    403,
    200,
  ],
  [
    "allows all but GET /a",
    [{ Effect: "Allow", ...INVOKE, NotResource: [`${ARN}/GET/a`] }],
    403,
    200,
  ],
  [
    "allows all but Invoke",
    [{ Effect: "Allow", NotAction: "execute-api:Invoke", Resource: "*" }],
    403,
    403,
  ],
  [
    "denies under a condition",
    [ALL, { Effect: "Deny", ...INVOKE, Resource: "*/a", Condition: {} }],
    403,
    403,
  ],
])("an authorizer's policy that %s", async (_, statements, get1, post) => {
  const { get } = await open(() => stating(...statements));
  expect([(await get("/a")).status, (await get("/a", "t", "POST")).status]).toEqual([get1, post]);
});

const everyone = (Effect: string) => ({
  Statement: [{ Effect, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*" }],
});
const NOTHING = `${ARN}/GET/nothing`;
test.each([
  ["allow", everyone("Allow"), grant("Allow", "*"), 200],
  ["allow", everyone("Allow"), grant("Allow", NOTHING), 200],
  ["allow", everyone("Allow"), grant("Deny", "*"), 403],
  ["neither", { Statement: [] }, grant("Allow", "*"), 200],
  ["neither", { Statement: [] }, grant("Allow", NOTHING), 403],
  ["deny", everyone("Deny"), grant("Allow", "*"), 403],
])("a resource policy that says %s together with an authorizer: %#", async (...row) => {
  const [, resourcePolicy, result, status] = row;
  const { get } = await open(() => result, {}, { resourcePolicy });
  expect((await get()).status).toBe(status);
});

test("the API key can come from the authorizer", async () => {
  const { get } = await open(
    (event) => {
      const { authorizationToken } = event as { authorizationToken: string };
      return grant("Allow", "*", { usageIdentifierKey: authorizationToken });
    },
    {},
    {
      apiKeySource: "AUTHORIZER",
      apiKeys: [{ id: "k", value: "good", enabled: true }],
      usagePlans: [{ keys: ["k"], stages: ["dev"] }],
      routes: [{ routeKey: "GET /a", handler: echo, authorizer: "a", apiKeyRequired: true }],
    },
  );
  expect(await get("/a", "good")).toMatchObject({
    status: 200,
    json: { requestContext: { identity: { apiKey: "good", apiKeyId: "k" } } },
  });
  expect(await get("/a", "bad")).toMatchObject({ status: 403, type: "ForbiddenException" });
});

test.each([
  ["a long ttl", { ...TOKEN, ttl: 3601 }, "0 to 3600"],
  [
    "an unknown source",
    { ...TOKEN, identitySource: "$request.header.A" },
    "not a supported identity",
  ],
  ["a bad expression", { ...TOKEN, identityValidationExpression: "(" }, "not a regular expression"],
  ["caching without a source", { type: "REQUEST", identitySource: [] }, "needs an identity source"],
])("%s is refused at the start", (_, settings, message) => {
  const config = { ...settings, handler: () => undefined } as RestAuthorizerConfig;
  expect(() => createRestAuthorizer("a", config, Date.now, () => undefined)).toThrow(message);
});
