import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { tables } from "@stockwire/core/tables";
import { execFileSync, type StdioOptions } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { jsonLine } from "../src/log.ts";
import { scopes } from "../src/policy.ts";
import { type Engine, startDynamodb } from "./dynamodb.ts";
import type { LocalError } from "./error.ts";
import { httpApi } from "./front.ts";
import { createHttpApi } from "./gateway/http-api.ts";
import { isRecord } from "./gateway/json.ts";
import { listenOnLoopback } from "./gateway/server.ts";
import { openIssuer } from "./issuer.ts";
import { schedule, type Schedule } from "./schedule.ts";
import { openSecret } from "./secret-file.ts";
import { seed } from "./seed.ts";
import { register, ROOT, unregister } from "./servers.ts";
import { createTables } from "./tables.ts";

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
const DRAIN = 1_200; // ms; all is to be over within 2 s

/** Starts all of AWS that Stockwire needs, in this process. Throws ListenError and LocalError. */
export async function startLaptop(options: LaptopOptions): Promise<Laptop> {
  const dataDir = resolve(options.dataDir);
  let answer = (_req: IncomingMessage, res: ServerResponse) => void res.writeHead(503).end();
  // The port first: it is the quickest to refuse, and the issuer is named after it.
  const server = await listenOnLoopback({
    port: options.port,
    handle: (req, res) => answer(req, res),
    onError: (error) => options.log(`gateway: ${String(error)}`),
    drainTimeout: DRAIN,
  });
  const url = `http://localhost:${server.port}`;
  let ready = false; // until then requests are our own
  let engine: Engine | undefined;
  let sweeps: Schedule | undefined;
  const stop = async () => {
    unregister(server.port);
    sweeps?.stop();
    await server.close();
    await engine?.stop();
  };
  try {
    engine = await startDynamodb({ dataDir, log: options.log, onDown: options.onDown });
    const created = await openTables(engine);
    await configure(engine, dataDir);
    const { handler } = await import("../src/http.ts");
    const sweep = await import("../src/sweep.ts");
    sweeps = schedule(sweep.handler, {
      everyMs: SWEEP_EVERY,
      onError: (error) => options.log(`sweep: ${String(error)}`),
    });

    const issuer = await openIssuer({ dir: dataDir, issuer: url, scopes });
    const api = createHttpApi({
      ...httpApi(handler, url),
      accessLog: (record) => {
        if (ready) options.log(jsonLine(record));
      },
      onError: ({ what, error, requestId }) =>
        options.log(jsonLine({ level: "ERROR", message: what, error: String(error), requestId })),
    });
    answer = (req, res) => {
      if (!issuer.handle(req, res)) api.handle(req, res);
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

async function openTables({ endpoint }: Engine): Promise<string[]> {
  const client = new DynamoDBClient(
    endpoint === undefined
      ? {}
      : {
          endpoint,
          region: REGION,
          credentials: { accessKeyId: "local", secretAccessKey: "local" },
        },
  );
  try {
    return await createTables(client, tables, tableName);
  } finally {
    client.destroy();
  }
}

/** Tells the handlers what a deployed function is told by its environment. */
async function configure({ endpoint }: Engine, dataDir: string): Promise<void> {
  const { value } = await openSecret(
    join(dataDir, "cursor-secret.json"),
    (kept) =>
      isRecord(kept) && typeof kept["value"] === "string" ? { value: kept["value"] } : undefined,
    () => ({ value: randomBytes(32).toString("base64url") }),
  );
  const engine =
    endpoint === undefined
      ? {}
      : {
          AWS_ENDPOINT_URL_DYNAMODB: endpoint,
          AWS_REGION: REGION,
          AWS_ACCESS_KEY_ID: "local",
          AWS_SECRET_ACCESS_KEY: "local",
        };
  const defaults = { STAGE: "laptop", LOG_LEVEL: "warn", COMMIT: commit(), ALLOWED_ORIGINS: "*" };
  Object.assign(process.env, { ...defaults, ...process.env }, engine, {
    DATA_TABLE: tableName("Data"),
    CURSOR_SECRET: value,
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
