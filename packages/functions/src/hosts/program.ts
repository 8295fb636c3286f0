/** A host that is a process: command line, start, and an end that lets running requests finish. */

import { parseArgs } from "node:util";
import { endpointOf } from "@stockwire/core/store/protocol/client";
import packageJson from "../../package.json" with { type: "json" };
import type { Metrics } from "./prometheus.ts";
import { createService, type Host, NOT_OFFERED, type Service } from "./service.ts";
import { readSettings, type Settings } from "./settings.ts";
import { combined, type Telemetry } from "./telemetry.ts";

export interface Listener {
  port: number;
  /** Accepts no more connections, and resolves when the running requests have ended. */
  close: () => Promise<unknown>;
}

/** What a host has of its own. */
export interface Program extends Host {
  /** As it is called on the command line. */
  command: string;
  listen: (fetch: Service["fetch"], at: { port: number; hostname: string }) => Promise<Listener>;
  /** Serves metrics for Prometheus, where the host can. */
  serveMetrics?: (at: { port: number; hostname: string }) => Promise<Metrics>;
}

const usage = (command: string) => `Usage: ${command} [options]

Serves the HTTP API without a gateway: it verifies tokens itself (docs/hosts.md).

  --port N     port to listen on; 0 picks a free one (default: PORT or 3000)
  --host NAME  address to listen on (default: HOST or 127.0.0.1)
  --help       show this text

Settings in the environment, as the Lambda functions have them; these are needed:
  DATA_TABLE, CHANGES_TABLE, CONNECTIONS_TABLE, CURSOR_SECRET, JWT_ISSUER`;

/** Ms after the first signal. A request ends within 25 s, so only endless answers are cut off. */
const GRACE = 28_000;

/** Runs a host until SIGINT or SIGTERM, then ends the process with 0; with 1 if it cannot start. */
export async function run(program: Program): Promise<void> {
  try {
    const at = readOptions();
    if (at.help) return print(usage(program.command));
    const stopped = signalled(); // before the start, so that an early signal is not lost
    const settings = readSettings(process.env);
    const metrics = await openMetrics(program, settings, at.hostname);
    const telemetry = combined([
      ...(settings.openTelemetry ? [await openTracing(settings)] : []),
      ...(metrics ? [metrics.telemetry] : []),
    ]);
    const service = createService(settings, { ...program, telemetry });
    const listener = await program.listen(service.fetch, at);
    if (metrics) print(`Metrics: http://localhost:${metrics.port}/metrics`);
    print(`Stockwire is ready: http://localhost:${listener.port}\n${NOT_OFFERED}`);
    await stopped;
    const timer = setTimeout(() => process.exit(0), GRACE);
    await listener.close();
    clearTimeout(timer);
    metrics?.close();
    service.close();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** Neither library is loaded where its setting is off. */
async function openTracing(settings: Settings): Promise<Telemetry> {
  const { createTracing } = await import("./tracing.ts");
  const endpoint = settings.AWS_ENDPOINT_URL_DYNAMODB ?? endpointOf(settings.AWS_REGION);
  return createTracing({ version: packageJson.version, endpoint: new URL(endpoint) });
}

async function openMetrics(
  { serveMetrics }: Program,
  { prometheusPort: port }: Settings,
  hostname: string,
): Promise<Metrics | undefined> {
  if (port === undefined) return undefined;
  if (!serveMetrics) throw new Error("Configuration: PROMETHEUS_PORT is for Node only");
  return serveMetrics({ port, hostname });
}

const print = (text: string) => void process.stdout.write(`${text}\n`);

function readOptions(): { port: number; hostname: string; help: boolean } {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: process.env["PORT"] || "3000" },
      host: { type: "string", default: process.env["HOST"] || "127.0.0.1" },
      help: { type: "boolean", default: false },
    },
  });
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) throw new Error("--port must be 0 to 65535");
  return { port, hostname: values.host, help: values.help };
}

const signalled = () =>
  new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
