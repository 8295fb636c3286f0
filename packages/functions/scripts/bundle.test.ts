/** The deployed bundles, loaded as Lambda loads them: without any other file but the source map. */

import { build } from "esbuild";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import asyncapi from "../src/api/docs/asyncapi.json" with { type: "json" };
import { openapi30 } from "../src/api/docs/openapi30.ts";
import openapi from "../src/api/docs/openapi.json" with { type: "json" };
import { budgetOf } from "./budget.ts";
import { functionOptions, root } from "./bundle.ts";
import { functions } from "./entry.ts";
import { event1, event2 } from "../test/events.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-bundle-"));
  for (const [name, entry] of Object.entries(functions)) {
    const outfile = join(folder, name, "index.mjs");
    await build({
      ...functionOptions,
      entryPoints: [join(root, entry)],
      outfile,
    });
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Invokes a function once, in a process of its own. Throws if it throws. */
async function run(
  name: string,
  event: unknown,
  env: Record<string, string> = {},
  script = `const { handler } = await import("./index.mjs");
    const result = await handler(JSON.parse(process.argv[1]));
    const loaded = process.moduleLoadList.map((text) => text.replace("NativeModule ", ""));
    process.stderr.write(JSON.stringify({ result, loaded }), () => process.exit());`,
): Promise<{ result: unknown; loaded: string[]; log: string }> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, JSON.stringify(event)],
    {
      cwd: join(folder, name),
      env: {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_ENDPOINT_URL_DYNAMODB: process.env["DYNAMODB_ENDPOINT"],
        DATA_TABLE: process.env["DATA_TABLE"],
        CHANGES_TABLE: process.env["CHANGES_TABLE"],
        CONNECTIONS_TABLE: process.env["CONNECTIONS_TABLE"],
        JWT_ISSUER: "https://issuer.example",
        CURSOR_SECRET: "a secret of the tests, long enough for one",
        LOG_LEVEL: "silent",
        ...env,
      },
    },
  );
  return { ...(JSON.parse(stderr) as { result: unknown; loaded: string[] }), log: stdout };
}

const invoke = async (...args: Parameters<typeof run>) => (await run(...args)).result;

test("each bundle answers without any file but its source map", async () => {
  for (const name of Object.keys(functions)) {
    expect(await readdir(join(folder, name))).toEqual(["index.mjs", "index.mjs.map"]);
  }
  const claims = { sub: "ana", scope: "write:items" };
  const headers = { "content-type": "application/json" };
  const event = event2({ method: "POST", path: "/items", body: '{"a":1}', headers, claims });
  expect(await invoke("http", event)).toMatchObject({ statusCode: 201 });
  expect(await invoke("sweep", {})).toMatchObject({ expired: expect.any(Number), more: false });
  expect(await invoke("changes", { Records: [] })).toEqual({ batchItemFailures: [] });
  expect(await invoke("deliver", { Records: [] })).toEqual({ batchItemFailures: [] });
  const disconnected = { eventType: "DISCONNECT", connectionId: "none" };
  expect(await invoke("live", { requestContext: disconnected })).toEqual({ statusCode: 200 });
  await expect(invoke("authorizer", { methodArn: "arn" })).rejects.toThrow("Unauthorized");
});

/** Gives a streaming function what AWS's runtime does; the result is what it has written. */
const STREAMING = `import { Writable } from "node:stream";
  globalThis.awslambda = {
    streamifyResponse: (handler) => handler,
    HttpResponseStream: { from: (stream, metadata) => Object.assign(stream, { metadata }) },
  };
  const { handler } = await import("./index.mjs");
  const chunks = [];
  const stream = new Writable({ write: (chunk, _, done) => { chunks.push(chunk); done(); } });
  await handler(JSON.parse(process.argv[1]), stream);
  const { metadata } = stream;
  const result = { metadata, body: Buffer.concat(chunks).toString() };
  process.stderr.write(JSON.stringify({ result, loaded: [] }), () => process.exit());`;

test("the stream bundle writes metadata and events, and ends at its time", async () => {
  const claims = { sub: "ana", scope: "read:items" };
  const event = event1({ method: "GET", path: "/changes/stream?topic=items", claims });
  const { result } = await run("stream", event, { CHANGE_STREAM_SECONDS: "1" }, STREAMING);
  expect(result).toMatchObject({
    metadata: { statusCode: 200, headers: { "content-type": "text/event-stream" } },
    body: expect.stringMatching(/^: .*\nevent: end\ndata: \{"reason":"time_limit"\}\n\n$/s),
  });
});

test("the http bundle serves the API documents and holds them packed", async () => {
  for (const [path, document] of Object.entries({ openapi, asyncapi })) {
    const event = event2({ method: "GET", path: `/${path}.json` });
    const { statusCode, body } = (await invoke("http", event)) as Record<string, string>;
    expect([statusCode, JSON.parse(body ?? "")]).toEqual([200, document]);
  }
  const older = event2({ method: "GET", path: "/openapi.json?version=3.0" });
  const { body } = (await invoke("http", older)) as Record<string, string>;
  expect(JSON.parse(body ?? "")).toEqual(openapi30(openapi));
  const bundle = await readFile(join(folder, "http/index.mjs"), "utf8");
  expect(bundle).not.toContain(openapi.info.summary);
});

test("no bundle contains what makes a JSON Schema of a Zod schema", async () => {
  for (const name of Object.keys(functions)) {
    const bundle = await readFile(join(folder, name, "index.mjs"), "utf8");
    expect(bundle).not.toContain("json-schema.org");
    expect(bundle).toContain("no JSON Schema in a bundle");
  }
});

test("the stack of a logged error names the sources", async () => {
  const event = { Records: [{ messageId: "m", body: "not JSON" }] };
  const { result, log } = await run("deliver", event, { LOG_LEVEL: "error" });
  expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: "m" }] });
  const { error } = JSON.parse(log) as { error: { stack: string } };
  expect(error.stack).toMatch(/packages\/functions\/src\/handlers\/deliver\.ts:\d+:\d+/);
  expect(error.stack).not.toContain("index.mjs");
});

const isSmall = process.env["DYNAMODB_CLIENT"] !== "sdk"; // the SDK loads fetch

test.runIf(isSmall)("a request does not load fetch, a fifth of a cold start", async () => {
  const claims = { sub: "ana", scope: "write:items" };
  const headers = { "content-type": "application/json" };
  const event = event2({ method: "POST", path: "/items", body: '{"a":1}', headers, claims });
  const { loaded } = await run("http", event);
  expect(loaded).toContain("http"); // the list is of names like these
  for (const name of ["internal/deps/undici/undici", "worker_threads", "http2"]) {
    expect(loaded).not.toContain(name);
  }
});

test("a bundle that is built with DYNAMODB_CLIENT=sdk calls DynamoDB through the SDK", async () => {
  const outfile = join(folder, "sdk/index.mjs");
  const define = { "process.env.DYNAMODB_CLIENT": '"sdk"' };
  const entryPoints = [join(root, functions["http"] ?? "")];
  await build({ ...functionOptions, define, entryPoints, outfile });
  const claims = { sub: "ana", scope: "write:items" };
  const headers = { "content-type": "application/json" };
  const event = event2({ method: "POST", path: "/items", body: '{"a":1}', headers, claims });
  expect(await invoke("sdk", event)).toMatchObject({ statusCode: 201 });
  const isInSdk = "aws-sdk-js";
  expect(await readFile(outfile, "utf8")).toContain(isInSdk);
  const small = await readFile(join(folder, "http/index.mjs"), "utf8");
  expect(small.includes(isInSdk)).toBe(!isSmall);
});

test("a function without its configuration fails at start and names what is missing", async () => {
  await expect(invoke("http", {}, { CURSOR_SECRET: "" })).rejects.toThrow("CURSOR_SECRET");
});

test.each(Object.keys(functions))("the bundle of %s is within its budget", async (name) => {
  const { size } = await stat(join(folder, name, "index.mjs"));
  expect(size / 1000).toBeLessThan(budgetOf(name));
});
