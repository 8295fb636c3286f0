/** A service of a host with one kind of telemetry, for section telemetry. */

import { createService } from "@stockwire/functions/hosts/service";
import { readSettings } from "@stockwire/functions/hosts/settings";
import type { Telemetry } from "@stockwire/functions/hosts/telemetry";
import { serve } from "../child.ts";

export type Kind = "off" | "spans" | "metrics";

/** Requests of a kind: `warmUp` that are not measured, and `count` that are. */
export interface TelemetryTask {
  kind: Kind;
  warmUp: number;
  count: number;
}

const open: Record<Kind, (endpoint: string) => Promise<Telemetry | undefined>> = {
  off: () => Promise.resolve(undefined),
  async spans(endpoint) {
    const { createTracing } = await import("@stockwire/functions/hosts/tracing");
    return createTracing({ version: "bench", endpoint: new URL(endpoint) });
  },
  async metrics() {
    const { serveMetrics } = await import("@stockwire/functions/hosts/prometheus");
    return (await serveMetrics({ port: 0, hostname: "127.0.0.1" })).telemetry;
  },
};

/** A process has one service, since it configures the store of the process. */
let fetch: ((request: Request) => Promise<Response>) | undefined;

async function start(kind: Kind) {
  const settings = readSettings(process.env);
  const telemetry = await open[kind](String(settings.AWS_ENDPOINT_URL_DYNAMODB));
  const service = createService(settings, {
    runtime: `node ${process.version}`,
    ...(telemetry && { telemetry }),
    write: () => undefined,
  });
  return service.fetch;
}

/** Returns µs of CPU a request. `/ready` needs no token and makes one call to the store. */
async function measure({ kind, warmUp, count }: TelemetryTask): Promise<number> {
  fetch ??= await start(kind);
  let before = process.cpuUsage();
  for (let n = -warmUp; n < count; n++) {
    if (n === 0) before = process.cpuUsage();
    const response = await fetch(new Request("http://localhost/ready"));
    if (response.status !== 200) throw new Error(`/ready: ${response.status}`);
    await response.text();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

serve({ measure });
