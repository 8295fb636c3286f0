/** Events that are not a function's own, such as warm-up pings: a failure would set off alarms. */

import { expect, test } from "vitest";

Object.assign(process.env, {
  CURSOR_SECRET: "a secret of the tests, long enough for one",
  JWT_ISSUER: "https://issuer.example",
  LOG_LEVEL: "silent",
});

const FOREIGN = [
  { source: "serverless-plugin-warmup" },
  {},
  null,
  undefined,
  [],
  "ping",
  7,
  true,
  { Records: null },
  { Records: "ping" },
  { Records: [null, "ping", {}, [], { s3: {} }] },
  { requestContext: null },
  { requestContext: "ping" },
  { requestContext: { http: null } },
  { requestContext: { connectionId: "a" } },
  { "detail-type": "Scheduled Event", detail: {} },
];

test.each([
  ["http", { statusCode: 400 }],
  ["live", { statusCode: 400 }],
  ["changes", { batchItemFailures: [] }],
  ["deliver", { batchItemFailures: [] }],
  ["authorizer", { policyDocument: { Statement: [{ Effect: "Deny" }] } }],
])("%s answers an event that is not its own", async (name, answer) => {
  const { handler } = (await import(`../src/handlers/${name}.ts`)) as {
    handler: (event: unknown) => Promise<unknown>;
  };
  for (const event of FOREIGN) expect(await handler(event)).toMatchObject(answer);
});
