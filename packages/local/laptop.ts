import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { tables } from "@stockwire/core/store/tables";
import { execFileSync, type StdioOptions } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { resolve } from "node:path";
import type { Duplex } from "node:stream";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import { scopes } from "@stockwire/functions/api/policy";
import { createConsole } from "./console/console.ts";
import { createBuilder } from "./console/build.ts";
import { cursorSecret } from "./engine/cursor-secret.ts";
import { type Engine, startDynamodb } from "./engine/dynamodb.ts";
import type { LocalError } from "./error.ts";
import { httpApi } from "./gateway-config.ts";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import { listenOnLoopback } from "@stockwire/gateway/server";
import { openIssuer } from "./issuer/issuer.ts";
import { deliveryQueueUrl, isLive, type Live, startLive } from "./live.ts";
import { schedule, type Schedule } from "./schedule.ts";
import { seed } from "./commands/seed.ts";
import { register, ROOT, unregister } from "./servers.ts";
import { SQS_PATH } from "./queue/sqs.ts";
import { createTables } from "./engine/tables.ts";
import { deleteExpired } from "./engine/ttl.ts";

export interface LaptopOptions {
  port: number; // 0 picks a free one
  dataDir: string;
  /** Whether a new table gets demo data. */
  seed: boolean;
  log: (line: string) => void;
  /** DynamoDB is gone for good. */
  onDown: (reason: LocalError) => void;
}

export interface Laptop {
  url: string;
  /** Lets requests under way finish, then ends the engine. */
  stop(): Promise<void>;
}

const REGION = "us-east-1";
const SWEEP_EVERY = 60_000; // ms
const EXPIRE_EVERY = 10 * 60_000; // ms
const DRAIN = 1_200; // ms; all is to be over within 2 s

/** Starts all of AWS that Stockwire needs, in this process. Throws ListenError and LocalError. */
export async function startLaptop(options: LaptopOptions): Promise<Laptop> {
  const dataDir = resolve(options.dataDir);
  let answer = (_req: IncomingMessage, res: ServerResponse) => void res.writeHead(503).end();
  // The port first: it is the quickest to refuse, and the issuer is named after it.
  let upgrade = (_req: IncomingMessage, socket: Duplex, _head: Buffer) => void socket.destroy();
  const server = await listenOnLoopback({
    port: options.port,
    handle: (req, res) => answer(req, res),
    upgrade: (req, socket, head) => upgrade(req, socket, head),
    shouldUpgrade: isLive,
    onError: (error) => options.log(`gateway: ${String(error)}`),
    drainTimeout: DRAIN,
  });
  const url = `http://localhost:${server.port}`;
  let ready = false; // until then requests are our own
  let engine: Engine | undefined;
  const schedules: Schedule[] = [];
  const builder = createBuilder();
  let live: Live | undefined;
  let clients: Clients | undefined;
  const stop = async () => {
    unregister(server.port);
    for (const each of schedules) each.stop();
    builder.stop();
    await Promise.all([live?.stop(), server.close()]);
    clients?.close();
    await engine?.stop();
  };
  try {
    engine = await startDynamodb({ dataDir, log: options.log, onDown: options.onDown });
    clients = connect(engine);
    const created = await createTables(clients.dynamodb, tables, tableName);
    await configure(engine, clients, url);
    const { handler } = await import("@stockwire/functions/handlers/http");
    const sweep = await import("@stockwire/functions/handlers/sweep");
    schedules.push(
      schedule(sweep.handler, {
        everyMs: SWEEP_EVERY,
        onError: (error) => options.log(`sweep: ${String(error)}`),
      }),
    );
    const { dynamodb } = clients;
    if (engine.endpoint !== undefined) {
      schedules.push(
        schedule(() => deleteExpired(dynamodb, tables, tableName), {
          everyMs: EXPIRE_EVERY,
          onError: (error) => options.log(`time to live: ${String(error)}`),
        }),
      );
    }

    const issuer = await openIssuer({ dir: dataDir, issuer: url, scopes });
    const accessLog = (record: object) => {
      if (ready) options.log(jsonLine(record));
    };
    const running = await startLive({
      ...clients,
      tableName,
      dataDir,
      credentials: credentialsOf(engine),
      region: process.env["AWS_REGION"],
      log: options.log,
      accessLog,
    });
    live = running;
    const api = createHttpApi({
      ...httpApi(
        waking(handler, () => running.wake()),
        url,
      ),
      accessLog,
      onError: ({ what, error, requestId }) =>
        options.log(jsonLine({ level: "ERROR", message: what, error: String(error), requestId })),
    });
    const pages = createConsole({ builder, sign: issuer.sign, scopes });
    answer = (req, res) => {
      const taken = [issuer, pages, running].some((each) => each.handle(req, res));
      if (!taken) api.handle(req, res);
    };
    upgrade = (req, socket, head) => {
      if (!running.upgrade(req, socket, head)) socket.destroy();
    };
    if (options.seed && created.includes("Data")) {
      await seed(
        `http://127.0.0.1:${server.port}`,
        issuer.sign({ claims: { sub: "seed", scope: "admin" } }),
      );
    }
    const { endpoint } = engine;
    ready = true;
    register({ port: server.port, dataDir, issuer: url, endpoint, table: tableName("Data") });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

const tableName = (id: string): string =>
  `${process.env["STOCKWIRE_TABLE_PREFIX"] ?? "stockwire-"}${id}`;

const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** What this process signs with; of the real AWS it has what the SDK finds. */
function credentialsOf({ endpoint }: Engine): typeof LOCAL_CREDENTIALS | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (endpoint !== undefined) return LOCAL_CREDENTIALS;
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}

interface Clients {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  close(): void;
}

function connect({ endpoint }: Engine): Clients {
  const options =
    endpoint === undefined ? {} : { endpoint, region: REGION, credentials: LOCAL_CREDENTIALS };
  const dynamodb = new DynamoDBClient(options);
  const streams = new DynamoDBStreamsClient(options);
  return {
    dynamodb,
    streams,
    close() {
      dynamodb.destroy();
      streams.destroy();
    },
  };
}

/** The same function; what it writes is told at once. */
function waking(handler: LambdaHandler, wake: () => void): LambdaHandler {
  return async (event, context) => {
    try {
      return await handler(event, context);
    } finally {
      wake();
    }
  };
}

/** Tells the handlers what a deployed function is told by its environment. */
async function configure({ endpoint }: Engine, { dynamodb }: Clients, url: string): Promise<void> {
  const engine =
    endpoint === undefined
      ? {}
      : {
          AWS_ENDPOINT_URL_DYNAMODB: endpoint,
          AWS_REGION: REGION,
          AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
          AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
        };
  const defaults = { STAGE: "laptop", LOG_LEVEL: "warn", COMMIT: commit(), ALLOWED_ORIGINS: "*" };
  Object.assign(process.env, { ...defaults, ...process.env }, engine, {
    DATA_TABLE: tableName("Data"),
    CHANGES_TABLE: tableName("Changes"),
    CONNECTIONS_TABLE: tableName("Connections"),
    DELIVERY_QUEUE_URL: deliveryQueueUrl(url),
    AWS_ENDPOINT_URL_SQS: `${url}${SQS_PATH}`,
    LIVE_ENDPOINT: `${url}/live`, // whatever host a client names
    JWT_ISSUER: url,
    JWKS_URI: `${url}/jwks.json`,
    CURSOR_SECRET:
      process.env["CURSOR_SECRET"] ?? (await cursorSecret(dynamodb, tableName("Data"))),
    PUBLIC_SCHEME: "http",
  });
}

function commit(): string {
  try {
    const run = { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] satisfies StdioOptions };
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], run).toString().trim();
  } catch {
    return "unknown";
  }
}
