/** The metrics of the host for Node, as Prometheus scrapes them, and what is loaded without them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { startNode } from "../../local/test/hosts/host.ts";
import { startIssuer } from "./telemetry.ts";

let issuer: Awaited<ReturnType<typeof startIssuer>>;
let folder: string;
let hook: string;
beforeAll(async () => {
  issuer = await startIssuer();
  folder = mkdtempSync(join(tmpdir(), "stockwire-metrics-"));
  hook = join(folder, "hook.mjs");
  writeFileSync(
    hook,
    `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (/^(?:prom-client|@opentelemetry\\/api)$/.test(name)) process.stderr.write("loads " + name + "\\n");
      return next(name, context);
    } });`,
  );
});
afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true });
});

async function start(settings: Record<string, string>) {
  const env = { ...issuer.settings, NODE_OPTIONS: `--import=${hook}`, ...settings };
  const host = await startNode(env);
  onTestFinished(() => host.close());
  const metrics = host.output.map((line) => /^Metrics: (\S+)$/.exec(line)?.[1]).find(Boolean);
  const send = (path: string, init: RequestInit = {}) =>
    fetch(host.url + path, { ...init, headers: { authorization: `Bearer ${issuer.token()}` } });
  // The first request fetches the issuer's keys and verifies the table.
  await vi.waitUntil(async () => (await send("/users/a")).status === 404, { timeout: 50_000 });
  return { host, metrics: metrics ?? "", send };
}

/** Values by name and labels, of the text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(url);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ]);
  const lines = (await response.text()).split("\n").filter((line) => !/^#|^$/.test(line));
  return new Map(
    lines.map((line) => {
      const [, name = "", labels = "", value = ""] =
        /^([a-z_:]\w*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\})? (\S+)$/i.exec(line) ?? [];
      expect([line, name]).not.toEqual([line, ""]);
      return [`${name}{${labels.split(",").toSorted().join(",")}}`, Number(value)];
    }),
  );
}

test("counts requests by route, method and status, store calls and streams", async () => {
  const { metrics, send, host } = await start({ PROMETHEUS_PORT: "0" });
  for (const id of ["a", "b", "c"]) expect((await send(`/items/${id}`)).status).toBe(404);
  expect((await send("/users?limit=1")).status).toBe(200);
  await send("/made/up/path");
  const left = new AbortController();
  const stream = await send("/changes/stream?topic=items", { signal: left.signal });
  await stream.body?.getReader().read();

  const values = await scrape(metrics);
  const requests = (method: string, status: number, route: string) =>
    values.get(
      "http_server_request_duration_seconds_count" +
        `{http_request_method="${method}",http_response_status_code="${status}",http_route="${route}"}`,
    );
  expect(requests("GET", 404, "/items/{id}")).toBe(3);
  expect(requests("GET", 200, "/users")).toBe(1);
  expect(requests("GET", 404, "")).toBe(1);
  expect(values.get('http_server_active_requests{http_request_method="GET"}')).toBe(0);
  expect(values.get("stockwire_change_streams{}")).toBe(1);
  const calls =
    'db_client_operation_duration_seconds_count{db_operation_name="GetItem",error_type=""}';
  expect(values.get(calls)).toBeGreaterThanOrEqual(3);
  expect(values.get("process_resident_memory_bytes{}")).toBeGreaterThan(1e6);
  expect([...values.keys()].filter((name) => name.startsWith("nodejs_eventloop_lag"))).not.toEqual(
    [],
  );
  expect([...values.keys()].join()).not.toContain("made");

  left.abort();
  await vi.waitUntil(async () => (await scrape(metrics)).get("stockwire_change_streams{}") === 0, {
    timeout: 20_000,
  });
  expect((await fetch(new URL("/", metrics))).status).toBe(404);
  expect((await send("/metrics")).status).toBe(404); // not on the port of the API
  host.kill("SIGTERM");
  expect(await host.ended).toBe(0);
}, 180_000);

test("without its setting neither library is loaded, and there is no second port", async () => {
  const off = await start({});
  await off.send("/items/a");
  expect(off.host.output.filter((line) => /^(?:loads|Metrics)/.test(line))).toEqual([]);
  const on = await start({ OPENTELEMETRY: "on", PROMETHEUS_PORT: "0" });
  const loaded = on.host.output.filter((line) => line.startsWith("loads"));
  expect(new Set(loaded)).toEqual(new Set(["loads prom-client", "loads @opentelemetry/api"]));
  expect((await on.send("/items/a")).status).toBe(404); // without an SDK spans have no effect
}, 180_000);
