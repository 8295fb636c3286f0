/** What is a host's own: tokens with its cryptography, bodies, start, end, and changes. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { request as open } from "node:http";
import { promisify } from "node:util";
import { newId } from "@stockwire/core/id";
import { NOT_OFFERED } from "@stockwire/functions/hosts/service";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { event2 } from "../../../functions/test/events.ts";
import { ROOT } from "../../server-registry.ts";
import { onSharedEngine, type RunningLaptop, startLaptop } from "../laptop.ts";
import { forgedCases, make, signedCases } from "../token-rule.ts";
import { type RunningHost, startNode, starts } from "./host.ts";
import { type Issuer, serveIssuer } from "./issuer.ts";
import { fetchRuntimes, type Runtimes } from "./runtime.ts";
import type { TestHosts } from "./setup.ts";

const { settings } = JSON.parse(process.env["TEST_HOSTS"] ?? "{}") as TestHosts;

let issuer: Issuer;
let runtimes: Runtimes;
/** Reads the stream and appends to the change log, as the functions on AWS would. */
let laptop: RunningLaptop;
beforeAll(async () => {
  [issuer, runtimes, laptop] = await Promise.all([
    serveIssuer(),
    fetchRuntimes(),
    startLaptop({ args: ["--no-seed"], env: onSharedEngine() }),
  ]);
});
afterAll(async () => {
  issuer.close();
  await laptop.close();
});

const own = () => ({ ...settings, JWT_ISSUER: issuer.url, LOG_LEVEL: "info" });
const bearer = (claims: Record<string, unknown> = {}) => ({
  authorization: `Bearer ${make(issuer.url, { claims: { scope: "admin", ...claims } })}`,
});

describe.each(Object.entries(starts))("%s:", (name, start) => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await start(runtimes, own());
  });
  afterAll(() => host.close());

  test("accepts the tokens that the gateway accepts, and no others", async () => {
    const verdicts: unknown[] = [];
    for (const { what, verdict, ...token } of [...signedCases, ...forgedCases]) {
      const authorization = `Bearer ${make(issuer.url, token)}`;
      const { status } = await fetch(`${host.url}/me`, { headers: { authorization } });
      if (status !== (verdict === "caller" ? 200 : 401)) verdicts.push([what, status]);
    }
    expect(verdicts).toEqual([]);
  });

  test("takes nothing about the caller from headers or the query", async () => {
    const context = JSON.stringify({
      authorizer: { jwt: { claims: { sub: "x", scope: "admin" } } },
    });
    for (const headers of [{ "x-amzn-request-context": context }, { "x-forwarded-user": "x" }]) {
      expect((await fetch(`${host.url}/me`, { headers })).status).toBe(401);
    }
  });

  test("says what it is, and what it does not offer", async () => {
    const { runtime } = (await (await fetch(`${host.url}/version`)).json()) as { runtime: string };
    expect(runtime).toMatch(new RegExp(`^${name}`, "i"));
    expect(host.output.join("\n")).toContain(NOT_OFFERED);
  });

  test("refuses a body that is too large before it has come, and then serves others", async () => {
    const path = "/items";
    for (const headers of [{ "content-length": String(10 << 20) }, {}]) {
      const request = open(host.url + path, {
        method: "POST",
        headers: { ...bearer(), "content-type": "application/json", ...headers },
      });
      request.on("error", () => undefined); // the host may end the connection
      const sending = "content-length" in headers ? undefined : sendForever(request);
      request.write(`{"n":"${"x".repeat(100)}`);
      const [response] = (await once(request, "response")) as [{ statusCode: number }];
      expect(response.statusCode).toBe(413);
      clearInterval(sending);
      request.destroy();
    }
    expect((await fetch(`${host.url}/health`)).status).toBe(200);
  });

  test("sells exactly what is in stock to buyers at the same time", async () => {
    const post = (path: string, body: object) =>
      fetch(host.url + path, {
        method: "POST",
        headers: { ...bearer(), "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const pen = { name: "Pen", price: 1, category: "pens", initialQuantity: 10 };
    const { id } = (await (await post("/products", pen)).json()) as { id: string };
    const sales = Array.from({ length: 40 }, () =>
      post(`/inventory/${id}/adjustments`, { delta: -1, reason: "sold" }),
    );
    const statuses = (await Promise.all(sales)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201 || status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 409)).toHaveLength(30);
  });

  test("gets changes that another process appends, by long poll", async () => {
    const id = newId();
    const put = (body: object, headers = {}) =>
      fetch(`${host.url}/items/${id}`, {
        method: "PUT",
        headers: { ...bearer(), "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
    const created = await put({ n: 1 }, { "if-none-match": "*" });
    const since = created.headers.get("feed-cursor") ?? (await cursorNow(host, id));
    const poll = fetch(`${host.url}/changes?topic=items/${id}&since=${since}&wait=20`, {
      headers: bearer(),
    });
    await put({ n: 2 });
    const answer = await poll;
    expect(answer.status).toBe(200);
    const { events } = (await answer.json()) as { events: { id: string }[] };
    expect(new Set(events.map((change) => change.id))).toEqual(new Set([id]));
  });

  test("finishes what it has begun when it ends", async () => {
    const since = await cursorNow(host, "none");
    // Nothing changes, so this takes all of its two seconds.
    const poll = fetch(`${host.url}/changes?topic=items/none&since=${since}&wait=2`, {
      headers: bearer(),
    });
    await begun(host, poll);
    host.kill("SIGTERM");
    expect((await poll).status).toBe(200);
    expect(await host.ended).toBe(0);
    await expect(fetch(`${host.url}/health`)).rejects.toThrow("fetch failed");
  });
});

/** Sends a body in chunks until the timer is cleared. */
const sendForever = (request: ReturnType<typeof open>) =>
  setInterval(() => request.write("x".repeat(64 << 10)), 5);

async function cursorNow({ url }: RunningHost, id: string): Promise<string> {
  const answer = await fetch(`${url}/changes?topic=items/${id}`, { headers: bearer() });
  return ((await answer.json()) as { cursor: string }).cursor;
}

/** Resolves when the host has answered a later request, and this one is still waiting. */
async function begun({ url }: RunningHost, poll: Promise<unknown>): Promise<void> {
  for (let n = 0; n < 3; n++) await fetch(`${url}/ready`);
  const first = await Promise.race([poll.then(() => "answered"), Promise.resolve("waiting")]);
  expect(first).toBe("waiting");
}

test("a client of workerd that leaves does not end what others wait for", async () => {
  const slow = await serveIssuer();
  const host = await starts["workerd"]?.(runtimes, { ...own(), JWT_ISSUER: slow.url });
  if (!host) throw new Error("workerd has no start");
  onTestFinished(async () => {
    await host.close();
    slow.close();
  });
  const headers = { authorization: `Bearer ${make(slow.url, {})}` };
  const release = slow.hold();
  const first = open(`${host.url}/me`, { headers, agent: false });
  first.on("error", () => undefined);
  first.end();
  await slow.asked();
  const second = fetch(`${host.url}/me`, { headers });
  await fetch(`${host.url}/health`); // by now the second request waits for the same keys
  first.socket?.resetAndDestroy(); // workerd notices no other end before it answers
  await fetch(`${host.url}/health`);
  release();
  expect((await second).status).toBe(200);
});

test("a function URL reads no claim of an event, and its bodies are bounded too", async () => {
  Object.assign(process.env, own(), { LOG_LEVEL: "silent" });
  const { handler } = await import("@stockwire/functions/hosts/function-url");
  const claims = { sub: "root", scope: "admin", exp: "4102444800" };
  const forged = event2({ method: "GET", path: "/me", claims });
  expect(await handler(forged)).toMatchObject({ statusCode: 401 });
  const iam = { ...forged.requestContext, authorizer: { iam: { userId: "root" }, userId: "root" } };
  expect(await handler({ ...forged, requestContext: iam })).toMatchObject({ statusCode: 401 });
  const genuine = await handler({ ...forged, headers: bearer({ sub: "ana" }) });
  expect(JSON.parse(genuine.body ?? "")).toMatchObject({ sub: "ana" });
  const body = JSON.stringify({ n: "x".repeat(70_000) });
  const large = event2({ method: "POST", path: "/items", headers: bearer(), body });
  expect(await handler(large)).toMatchObject({ statusCode: 413 });
  expect(await handler({ source: "aws.events" })).toMatchObject({ statusCode: 400 });
});

describe("npm run serve", () => {
  test("shows its options, and refuses others", async () => {
    const serve = (...args: string[]) =>
      promisify(execFile)("npm", ["run", "-s", "serve", "--", ...args], { cwd: ROOT });
    const { stdout } = await serve("--help");
    expect(stdout).toMatch(/^Usage: npm run serve -- \[options\]\n[^]*--port N[^]*JWT_ISSUER$/m);
    await expect(serve("--prot", "1")).rejects.toMatchObject({ code: 1, stdout: "" });
    await expect(serve("--port", "x")).rejects.toMatchObject({
      stderr: "--port must be 0 to 65535\n",
    });
  });

  test("ends with one line about each setting that is missing", async () => {
    const start = startNode({ ...own(), JWT_ISSUER: "", DATA_TABLE: "" });
    await expect(start).rejects.toThrow(/^it ended with 1: Configuration: DATA_TABLE/);
  });

  test("ends with an error if its port is in use", async () => {
    const host = await startNode(own());
    onTestFinished(() => host.close());
    await expect(startNode(own(), ["--port", new URL(host.url).port])).rejects.toThrow(
      /^it ended with 1: .*EADDRINUSE/,
    );
  });
});
