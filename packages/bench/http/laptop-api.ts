import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scopes } from "@stockwire/functions/api/policy";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import { httpApi } from "@stockwire/local/api-definition";
import { createConcurrency } from "@stockwire/gateway/concurrency";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import { listen } from "@stockwire/gateway/server";
import { createLineLog } from "@stockwire/local/line-log";
import { createKey, keyFileOf } from "@stockwire/local/partner/key-file";
import { startPartner } from "@stockwire/local/partner/partner";
import { AUDIENCE, openIssuerOf } from "@stockwire/local/server-registry";

/** The laptop's HTTP API without its throttles, so that they do not limit a measurement. */
export interface LaptopApi {
  port: number;
  /** Has the scope admin. */
  token: string;
  /** A key of the Partner API's plan `production`. */
  partnerKey: string;
}

type Handle = (req: IncomingMessage, res: ServerResponse) => void;
const notReady: Handle = (_, res) => void res.writeHead(503).end();

/**
 * Starts the APIs in front of the handler that `load` returns. Tokens are verified and requests logged.
 * The issuer is in the environment before `load` is called, since handlers read it while they load.
 */
export async function startLaptopApi(load: () => Promise<LambdaHandler>): Promise<LaptopApi> {
  const writeLine = createLineLog((text) => process.stdout.write(text));
  let handle: Handle = notReady;
  const { port } = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (req, res) => handle(req, res),
  });
  const url = `http://localhost:${port}`;
  Object.assign(process.env, { JWT_ISSUER: url, JWT_AUDIENCE: AUDIENCE });
  const handler = await load();
  const dataDir = await mkdtemp(join(tmpdir(), "stockwire-bench-laptop-"));
  process.once("exit", () => rmSync(dataDir, { recursive: true, force: true }));
  const issuer = await openIssuerOf({ dataDir, issuer: url }, scopes);
  const { throttle: _, accountThrottle: __, routes, ...rest } = httpApi(handler, url);
  const api = createHttpApi({
    ...rest,
    routes: routes.map(({ throttle: ___, ...route }) => route),
    accessLog: (record) => writeLine(jsonLine(record)),
    onError: ({ message, error }) => console.error(message, error),
  });
  const partner = await startPartner({
    dataDir,
    handler,
    settings: { cache: false, deniedRanges: [] },
    tableName: "bench",
    region: undefined,
    concurrency: createConcurrency(),
    log: console.error,
    accessLog: (record) => writeLine(jsonLine(record)),
  });
  const { value: partnerKey } = await createKey(keyFileOf(dataDir), {
    name: "bench",
    plan: "production",
  });
  handle = (req, res) => {
    if (!issuer.handle(req, res) && !partner.handle(req, res)) api.handle(req, res);
  };
  const token = issuer.sign({ claims: { sub: "bench", scope: "admin" } });
  return { port, token, partnerKey };
}
