import { expect, test } from "vitest";
import { header, serveRest } from "../test/fixture.ts";
import { createRestApi } from "./rest-api.ts";

const ok = { statusCode: 200, body: "ok" };
const deny = (ranges: string[]) => ({
  Statement: [
    { Effect: "Allow", Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*" },
    {
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "execute-api:*",
      Resource: "execute-api:/dev/GET/a",
      Condition: { IpAddress: { "aws:SourceIp": ranges } },
    },
  ],
});
test.each([
  ["of another address", deny(["10.0.0.0/8"]), "/dev/a", 200],
  ["of this address", deny(["127.0.0.1"]), "/dev/a", 403],
  ["of this range", deny(["127.0.0.0/30"]), "/dev/a", 403],
  ["of another path", deny(["127.0.0.0/8"]), "/dev/b", 200],
  ["that allows nothing", { Statement: [] }, "/dev/a", 403],
  [
    "for a VPC endpoint only",
    {
      Statement: [
        {
          Effect: "Allow",
          Principal: "*",
          Action: "execute-api:Invoke",
          Resource: "execute-api:/*",
          Condition: { StringEquals: { "aws:SourceVpce": "vpce-1" } },
        },
      ],
    },
    "/dev/a",
    403,
  ],
])("a resource policy %s", async (_, resourcePolicy, target, status) => {
  const { send } = await serveRest({
    resourcePolicy,
    routes: ["/a", "/b"].map((path) => ({ routeKey: `GET ${path}`, handler: () => ok })),
  });
  const response = await send({ target, headers: [["X-Forwarded-For", "10.1.1.1"]] });
  expect(response.status).toBe(status);
  if (status === 403) expect(header(response, "x-amzn-errortype")).toBe("AccessDeniedException");
});

/** A policy of one statement for the actions and resources given, after one that allows all. */
const then = (Effect: string, statement: object) => ({
  Statement: [
    { Effect: "Allow", Principal: "*", Action: "execute-api:*", Resource: "execute-api:/*" },
    { Effect, Principal: "*", ...statement },
  ],
});
const only = (statement: object) => ({
  Statement: [{ Effect: "Allow", Principal: "*", ...statement }],
});
const A = "execute-api:/dev/GET/a";
test.each([
  ["denies all but /a", then("Deny", { Action: "execute-api:Invoke", NotResource: A }), [200, 403]],
  [
    "denies all but another",
    then("Deny", { Action: "*", NotResource: ["x", `${A}/b`] }),
    [403, 403],
  ],
  [
    "denies all but Invoke",
    then("Deny", { NotAction: "Execute-API:invoke", Resource: A }),
    [200, 200],
  ],
  ["denies all but S3's", then("Deny", { NotAction: ["s3:*"], Resource: A }), [403, 200]],
  ["allows all but /a", only({ Action: "execute-api:Invoke", NotResource: [A] }), [403, 200]],
  ["allows all but Invoke", only({ NotAction: "execute-api:I*", NotResource: "x" }), [403, 403]],
  ["allows all but S3's", only({ NotAction: "s3:*", Resource: A }), [200, 403]],
])("a resource policy that %s", async (_, resourcePolicy, expected) => {
  const { send } = await serveRest({
    resourcePolicy,
    routes: ["/a", "/b"].map((path) => ({ routeKey: `GET ${path}`, handler: () => ok })),
  });
  const statuses = [await send({ target: "/dev/a" }), await send({ target: "/dev/b" })];
  expect(statuses.map(({ status }) => status)).toEqual(expected);
});

const policyWith = (statement: object) => ({
  Statement: [{ Effect: "Allow", Principal: "*", Action: "*", Resource: "*", ...statement }],
});
test.each([
  ["a policy without statements", { resourcePolicy: { Version: "1" } }, "there is no Statement"],
  ["a principal", { resourcePolicy: policyWith({ Principal: { AWS: "arn:x" } }) }, "the principal"],
  [
    "an operator",
    {
      resourcePolicy: policyWith({
        Condition: { IpAddressIfExists: { "aws:SourceIp": "1.1.1.1" } },
      }),
    },
    "IpAddressIfExists is not supported",
  ],
  [
    "an address",
    { resourcePolicy: policyWith({ Condition: { IpAddress: { "aws:SourceIp": "1.1.1.1/33" } } }) },
    "1.1.1.1/33",
  ],
  ["an effect", { resourcePolicy: policyWith({ Effect: "deny" }) }, "Effect must be"],
  ["both", { resourcePolicy: policyWith({ NotAction: "s3:*" }) }, "either Action or NotAction"],
  ["neither", { resourcePolicy: policyWith({ Resource: [] }) }, "Resource must be"],
  ["a variable", { resourcePolicy: policyWith({ Resource: "a/${aws:userid}" }) }, "variables"],
  ["a number", { resourcePolicy: policyWith({ Action: [7] }) }, "Action must be"],
  ["an element", { resourcePolicy: policyWith({ Conditions: {} }) }, "Conditions is not supported"],
  ["other principals", { resourcePolicy: policyWith({ NotPrincipal: "*" }) }, "NotPrincipal"],
])("a policy with %s is refused at the start", (_, config, message) => {
  const routes = [{ routeKey: "GET /a", handler: () => ok }];
  const whole = { stage: "dev", onError: () => undefined, routes, ...config };
  expect(() => createRestApi(whole)).toThrow(message);
});
