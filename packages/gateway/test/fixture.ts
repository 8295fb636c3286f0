import { onTestFinished } from "vitest";
import type { AccessLogRecord } from "../access-log.ts";
import { type RawAnswer, type RawRequest, request } from "../cases/raw-http.ts";
import { createHttpApi } from "../http/http-api.ts";
import type { HttpApiConfig } from "../http/config.ts";
import { type ListenOptions, type Listening, listen } from "../server.ts";

/** A served HTTP API with everything it reported. */
export interface Served {
  port: number;
  problems: { what: string; error: unknown }[];
  log: AccessLogRecord[];
  send: (wanted: Partial<RawRequest>) => Promise<RawAnswer>;
}

/** Opens a server that ends with the test. */
export async function serve(options: Omit<ListenOptions, "port">): Promise<Listening> {
  const server = await listen({ port: 0, host: "127.0.0.1", drainTimeout: 100, ...options });
  onTestFinished(() => server.close());
  return server;
}

/** Serves an HTTP API on a port of its own, until the test ends. */
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
    send: (wanted) => request(port, { method: "GET", target: "/", ...wanted }),
  };
}

/** A Lambda that answers with the event it got. */
export const echo = (event: unknown) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(event),
});

/** The value of one header of an answer. */
export function header({ headers }: RawAnswer, name: string): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name)?.[1];
}
