/**
 * Metrics for Prometheus, on a port of their own: no client of the API can read them, and scrapes take
 * from no caller's bucket. Names and buckets are those of OpenTelemetry's semantic conventions, as
 * Prometheus writes them. https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Telemetry } from "./telemetry.ts";

const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]; // seconds
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]; // seconds

/** Creates the telemetry that counts into the registry. */
function createMeter(registry: Registry): Telemetry {
  const registers = [registry];
  const requests = new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Time until the head of an answer; its count is that of the requests.",
    labelNames: ["http_request_method", "http_route", "http_response_status_code"] as const,
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const active = new Gauge({
    name: "http_server_active_requests",
    help: "Requests that are being answered.",
    labelNames: ["http_request_method"] as const,
    registers,
  });
  const calls = new Histogram({
    name: "db_client_operation_duration_seconds",
    help: "Time of one attempt of a call to DynamoDB; an error has its name.",
    labelNames: ["db_operation_name", "error_type"] as const,
    buckets: CALL_BUCKETS,
    registers,
  });
  const streams = new Gauge({
    name: "stockwire_change_streams",
    help: "Streams of changes that are open.",
    registers,
  });
  const sent = new Counter({
    name: "stockwire_changes_sent_total",
    help: "Changes that were sent in streams, for each of their readers.",
    labelNames: ["feed"] as const,
    registers,
  });
  return {
    async request(exchange, run) {
      const method = { http_request_method: exchange.method };
      active.inc(method);
      const measure = requests.startTimer(method);
      let status = 500;
      try {
        const response = await run();
        ({ status } = response);
        return response;
      } finally {
        active.dec(method);
        // Without a route all requests count as one, so that clients cannot make up values.
        measure({ http_route: exchange.route ?? "", http_response_status_code: status });
      }
    },
    async storeCall({ operation }, run) {
      const measure = calls.startTimer({ db_operation_name: operation });
      let error_type = "";
      try {
        return await run();
      } catch (error) {
        error_type = error instanceof Error ? error.name : "_OTHER";
        throw error;
      } finally {
        measure({ error_type });
      }
    },
    changeStream(feed) {
      return {
        begin: () => streams.inc(),
        send: (changes) => () => sent.inc({ feed }, changes),
        end: () => streams.dec(),
      };
    },
  };
}

export interface Metrics {
  telemetry: Telemetry;
  port: number;
  close: () => void;
}

/** Serves `GET /metrics`. Rejects if it cannot listen. */
export async function serveMetrics(at: { port: number; hostname: string }): Promise<Metrics> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const telemetry = createMeter(registry);
  const server = createServer((req, res) => {
    const isScrape = req.method === "GET" && /^\/metrics(?:\?|$)/.test(req.url ?? "");
    if (!isScrape) return void res.writeHead(404).end();
    return void registry.metrics().then(
      (text) => res.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  });
  server.listen(at.port, at.hostname);
  await once(server, "listening");
  return {
    telemetry,
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
