/** Serves HTTP APIs for tests and records their errors and access logs. */

import { onTestFinished } from "vitest";
import type { AccessLogRecord, RestLogRecord } from "../log.ts";
import { type RestApiConfig, createRestApi } from "../rest/rest-api.ts";
import { type RawResponse, type RawRequest, request } from "../cases/raw-http.ts";
import { createHttpApi } from "../http/http-api.ts";
import type { HttpApiConfig } from "../http/config.ts";
import { type ListenOptions, type Listening, listen } from "../server.ts";

/** An HTTP API on its own port, with its errors and access log. */
export interface Served {
  port: number;
  problems: { message: string; error: unknown }[];
  log: AccessLogRecord[];
  send: (given: Partial<RawRequest>) => Promise<RawResponse>;
}

/** Opens a server until the test ends. */
export async function serve(options: Omit<ListenOptions, "port">): Promise<Listening> {
  const server = await listen({ port: 0, host: "127.0.0.1", drainTimeout: 100, ...options });
  onTestFinished(() => server.close());
  return server;
}

/** Serves an HTTP API until the test ends. */
export async function serveApi(config: Omit<HttpApiConfig, "onError">): Promise<Served> {
  const problems: Served["problems"] = [];
  const log: AccessLogRecord[] = [];
  const api = createHttpApi({
    accessLog: (record) => log.push(record),
    onError: (problem) => problems.push(problem),
    ...config,
  });
  const { port } = await serve({ handle: api.handle });
  onTestFinished(() => api.close());
  return {
    port,
    problems,
    log,
    send: (given) => request(port, { method: "GET", target: "/", ...given }),
  };
}

/** A REST API on its own port, with its errors and access log. */
export type ServedRest = Omit<Served, "log"> & { log: RestLogRecord[] };

/** Serves a REST API at the stage `dev` until the test ends. */
export async function serveRest(
  config: Omit<RestApiConfig, "onError" | "stage"> & { stage?: string },
): Promise<ServedRest> {
  const problems: Served["problems"] = [];
  const log: RestLogRecord[] = [];
  const api = createRestApi({
    stage: "dev",
    accessLog: (record) => log.push(record),
    onError: (problem) => problems.push(problem),
    ...config,
  });
  const { port } = await serve({
    handle: (req, res) => {
      if (!api.handle(req, res)) res.writeHead(404).end("no API");
    },
  });
  return {
    port,
    problems,
    log,
    send: (given) => request(port, { method: "GET", target: "/dev", ...given }),
  };
}

/** A handler that responds with its event. */
export const echo = (event: unknown) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(event),
});

/** The value of a header; `name` is in lower case. */
export function header({ headers }: RawResponse, name: string): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name)?.[1];
}
