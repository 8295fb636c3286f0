import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Case, parseCases } from "./case.ts";
import { runCases } from "./run.ts";

const FILE = fileURLToPath(new URL("gateway-cases.json", import.meta.url));
const cases = parseCases(readFileSync(FILE, "utf8"));

test.each(cases)("$id: $title", async (testCase) => {
  const lines: string[] = [];
  await runCases([testCase], (line) => lines.push(line));
  expect(lines).toEqual([`ok ${testCase.id} ${testCase.title}`]);
});

const request = { method: "GET", target: "/" };
const one = (expected: object, more: object = {}): Case => ({
  id: "X1",
  api: "http",
  title: "t",
  config: {
    routes: [
      {
        routeKey: "GET /",
        handler: 'const:{"statusCode":200,"headers":{"a":"b"},"body":"{\\"n\\":1}"}',
      },
    ],
  },
  steps: [{ do: "http", request, expect: expected, ...more }],
});

test.each([
  [{ status: 201 }, "status is 200, not 201"],
  [{ headers: { a: "c" } }, 'header a is "b", not "c"'],
  [{ headers: { a: { re: "^c" } } }, 'header a is "b", not {"re":"^c"}'],
  [{ headerJoined: { none: "b" } }, "header none is absent"],
  [{ headersAbsent: ["a"] }, 'header a is "b", not absent'],
  [{ rawHeaderName: "a" }, "no header spelt a"],
  [{ bodyText: "" }, "body is"],
  [{ bodyJson: { n: 2 } }, "body.n is 1, not 2"],
  [{ bodyJson: {} }, "body has n too"],
  [{ bodyBase64: "AA==" }, "body is"],
  [{ invocations: 0 }, "invocations is 1, not 0"],
  [{ authorizerInvocations: 1 }, "authorizerInvocations is 0, not 1"],
  [{ event: { version: "1.0" } }, 'event version is "2.0"'],
  [{ event: { rawPath: { absent: true } } }, 'event rawPath is "/"'],
  [{ event: { body: null } }, "event body is absent, not null"],
  [{ event: { body: { any: true } } }, "event body is absent"],
  [{ event: { "requestContext.timeEpoch": { type: "string" } } }, "event requestContext.timeEpoch"],
  [{ event: { requestContext: { stage: "dev" } } }, "event requestContext.stage"],
  [{ event: { headers: { keys: ["host"] } } }, "event headers is"],
  [{ event: { version: { oneOf: ["1.0", 2] } } }, "event version"],
  [{ headers: { "apigw-requestid": { sameAs: "event:version" } } }, "header apigw-requestid"],
  [{ authorizerEvent: { version: "2.0" } }, "authorizer event version is absent"],
  [{ maxElapsedMs: -1 }, "ms, more than -1"],
])("a case that expects %j fails with a reason", async (expected, reason) => {
  const lines: string[] = [];
  const summary = await runCases([one(expected)], (line) => lines.push(line));
  expect(summary).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(lines.join()).toContain("not ok X1 t: step 1: ");
  expect(lines.join()).toContain(reason);
});

const open = { do: "wsOpen", conn: "c", path: "/s", expect: { status: 101 } };
const socket = (...steps: object[]): Case => ({
  id: "X2",
  api: "ws",
  title: "t",
  config: {
    stage: "s",
    routeSelectionExpression: "$request.body.action",
    routes: [
      {
        routeKey: "$default",
        handler: 'const:{"statusCode":200,"body":"hi"}',
        routeResponse: true,
      },
    ],
  },
  steps: [open, ...steps].map((step) => ({ conn: "c", ...step })),
});
const sendX = { do: "wsSend", text: "x" };

test.concurrent.each([
  [socket({ ...open, expect: { status: 401 } }), "status is 101, not 401"],
  [socket({ ...open, path: "/t" }), "status is 404, not 101"],
  [socket({ ...open, expect: { authorizerInvocations: 1 } }), "authorizerInvocations is 0, not 1"],
  [socket({ ...open, expect: { authorizerEvent: { type: "REQUEST" } } }), "authorizer event type"],
  [socket(sendX, { do: "expectLastEvent", event: { body: "y" } }), 'event body is "x", not "y"'],
  [socket(sendX, { do: "expectInvocations", route: "$default", count: 2 }), "is 1, not 2"],
  [socket(sendX, { do: "wsExpectFrame", expect: { text: "ho" } }), 'frame is "hi", not "ho"'],
  [socket({ do: "wsExpectFrame", expect: { re: "." } }), "frame is undefined"],
  [socket({ do: "wsExpectClose", code: 1000 }), "close code is undefined, not 1000"],
  [
    socket(
      { do: "wsSendBinary", base64: "AA==" },
      { do: "wsExpectSilence", forMs: 200, stillOpen: true },
    ),
    "stillOpen is false, not true",
  ],
  [socket(sendX, { do: "wsExpectSilence", forMs: 200 }), "frames"],
  [socket({ do: "mgmt", method: "POST", expect: { status: 200 } }), "status is 403, not 200"],
  [socket({ do: "mgmt", conn: "d", method: "GET" }), "no connection d"],
  [socket({ do: "http", request, expect: { status: 426 } }), "status is 404, not 426"],
  [socket({ ...open, api: "other" }), "no API other"],
])("a case of a WebSocket API fails with a reason: %#", async (testCase, reason) => {
  const lines: string[] = [];
  await runCases([testCase], (line) => lines.push(line));
  expect(lines.join()).toMatch(/^not ok X2 t: /);
  expect(lines.join()).toContain(reason);
});

const withHandler = (handler: string, ...steps: object[]): Case => {
  const testCase = socket(...steps);
  const { routes, ...config } = testCase.config;
  return {
    ...testCase,
    config: {
      ...config,
      routes: [routes, { routeKey: "$connect", handler: "echo" }]
        .flat()
        .map((route) => ({ ...(route as object), handler })),
    },
  };
};
const REPLY =
  'js:async (event) => ({ statusCode: 200, headers: { "Sec-WebSocket-Protocol": "b" } })';
const POST =
  'js:async (event, ctx) => event.requestContext.eventType === "MESSAGE" ? ({ statusCode: 200, body: String((await ctx.mgmt.post(event.requestContext.connectionId, "pushed")).status) }) : ({ statusCode: 200 })';
const CALL =
  'js:async (event, ctx) => event.requestContext.eventType === "MESSAGE" ? ctx.mgmt("GET", "nobody") : ({ statusCode: 200 })';

test.each<[string, Case]>([
  [
    "protocols",
    withHandler(REPLY, {
      ...open,
      conn: "d",
      protocols: ["a", "b"],
      expect: { status: 101, headers: { "sec-websocket-protocol": "b" } },
    }),
  ],
  ["wsClose", socket({ do: "wsClose", code: 3000 }, { do: "wsExpectClose", code: 3000 })],
  [
    "ctx.mgmt and expectHandlerResult",
    withHandler(
      POST,
      sendX,
      { do: "wsExpectFrame", expect: { text: "pushed" } },
      { do: "expectHandlerResult", expect: { statusCode: 200, body: "200" } },
      { do: "expectHandlerResult", route: "$default", expect: { body: "200" } },
    ),
  ],
  [
    "ctx.mgmt as a function",
    withHandler(CALL, sendX, { do: "expectHandlerResult", expect: { status: 410 } }),
  ],
  [
    "expectHandlerResult of a handler that throws",
    withHandler(
      'js:(event) => { if (event.body) throw new Error("no"); return { statusCode: 200 }; }',
      sendX,
      { do: "expectHandlerResult", expect: { error: "no" } },
    ),
  ],
  [
    "advanceClock, of which the idle timeout and signatures know",
    socket(
      { do: "advanceClock", seconds: 590 },
      { do: "mgmt", method: "GET", sign: true, expect: { status: 200 } },
      { do: "wsExpectSilence", forMs: 1_200, stillOpen: true },
      { do: "advanceClock", ms: 20_000 },
      { do: "wsExpectClose", code: 1001 },
    ),
  ],
])("a case can use %s", async (_, testCase) => {
  const lines: string[] = [];
  await runCases([testCase], (line) => lines.push(line));
  expect(lines).toEqual(["ok X2 t"]);
});

test("a case of an HTTP API can use advanceClock and expectHandlerResult", async () => {
  const lines: string[] = [];
  const event = { "requestContext.timeEpoch": { type: "integer" } };
  const testCase = one({ status: 200 }, { expect: { status: 200, event } });
  const handler =
    "js:(event) => ({ statusCode: 200, body: String(event.requestContext.timeEpoch) })";
  const { steps } = testCase;
  await runCases(
    [
      {
        ...testCase,
        config: { routes: [{ routeKey: "GET /", handler }] },
        steps: [
          { do: "advanceClock", seconds: 4_000_000_000 },
          ...steps,
          { do: "expectHandlerResult", expect: { body: { re: "^[5-9]" } } },
        ],
      },
    ],
    (line) => lines.push(line),
  );
  expect(lines).toEqual(["ok X1 t"]);
});

test.each<[Case, string]>([
  [socket({ do: "dance" }), 'step 2: "dance" is not a known step'],
  [socket({ ...sendX, slowly: true }), "step 2: wsSend knows no slowly"],
  [socket({ do: "constructor" }), 'step 2: "constructor" is not a known step'],
  [socket({ do: 1 }), "step 2: 1 is not a known step"],
  [one({}, { do: "wsOpen" }), 'step 1: "wsOpen" is not a known step'],
  [
    { ...one({}), config: { routes: [{ routeKey: "GET /", handler: "dance:1" }] } },
    "dance:1 is not a known handler",
  ],
  [{ ...one({}), api: "tcp" }, "tcp-api is not emulated yet"],
])("a case of another version of the format is not run: %#", async (testCase, reason) => {
  const lines: string[] = [];
  const summary = await runCases([testCase], (line) => lines.push(line));
  expect(summary).toEqual({ passed: 0, failed: 0, skipped: 1 });
  expect(lines).toEqual([`- ${testCase.id} not run: ${reason}`]);
});

test("a body that differs from bodyTextPreferred warns and passes", async () => {
  const lines: string[] = [];
  await runCases([one({ bodyTextPreferred: "other" })], (line) => lines.push(line));
  expect(lines).toEqual(["  X1 warning: the body is likely other on AWS", "ok X1 t"]);
});

test.each([
  [one({}, { api: "other" }), "no API other"],
  [
    { ...one({}), config: { routes: [{ routeKey: "nonsense", handler: "echo" }] } },
    "not a route key",
  ],
])("a case that cannot run fails: %#", async (testCase, reason) => {
  const lines: string[] = [];
  await runCases([testCase], (line) => lines.push(line));
  expect(lines.join()).toContain(reason);
});

test.each([
  ["passes", [FILE, "--filter", "H1"], 0, /\n\d+ passed, 0 failed, 0 skipped\n$/],
  ["refuses a filter without matches", [FILE, "--filter", "X"], 2, /^$/],
  ["prints its usage", ["--help"], 0, /^Usage: npm run gateway-cases/],
  ["needs a file", [], 2, /^$/],
  ["needs a file that exists", ["nowhere.json"], 2, /^$/],
])("the command %s", async (_, args, code, output) => {
  const program = fileURLToPath(new URL("main.ts", import.meta.url));
  const result = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout) =>
      resolve({ code: error ? error.code : 0, stdout }),
    );
  });
  expect(result.code).toBe(code);
  expect(result.stdout).toMatch(output);
});
