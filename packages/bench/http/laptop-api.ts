import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scopes } from "@stockwire/functions/api/policy";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import { httpApi } from "@stockwire/local/api-definition";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import { listen } from "@stockwire/gateway/server";
import { createLineLog } from "@stockwire/local/line-log";
import { openIssuerOf } from "@stockwire/local/server-registry";

/** The laptop's HTTP API without its throttles, so that they do not limit a measurement. */
export interface LaptopApi {
  port: number;
  /** Has the scope admin. */
  token: string;
}

type Handle = (req: IncomingMessage, res: ServerResponse) => void;
const notReady: Handle = (_, res) => void res.writeHead(503).end();

/** Starts the API in front of a handler. Tokens are verified and requests logged. */
export async function startLaptopApi(handler: LambdaHandler): Promise<LaptopApi> {
  const writeLine = createLineLog((text) => process.stdout.write(text));
  let handle: Handle = notReady;
  const { port } = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (req, res) => handle(req, res),
  });
  const url = `http://localhost:${port}`;
  const dir = await mkdtemp(join(tmpdir(), "stockwire-bench-issuer-"));
  const issuer = await openIssuerOf({ dataDir: dir, issuer: url }, scopes);
  await rm(dir, { recursive: true });
  const { throttle: _, accountThrottle: __, routes, ...rest } = httpApi(handler, url);
  const api = createHttpApi({
    ...rest,
    routes: routes.map(({ throttle: ___, ...route }) => route),
    accessLog: (record) => writeLine(jsonLine(record)),
    onError: ({ message, error }) => console.error(message, error),
  });
  handle = (req, res) => {
    if (!issuer.handle(req, res)) api.handle(req, res);
  };
  const token = issuer.sign({ claims: { sub: "bench", scope: "admin" } });
  return { port, token };
}
