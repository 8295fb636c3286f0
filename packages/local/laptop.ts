/**
 * Stockwire on one machine: starts every AWS service that Stockwire uses, in the order in which they
 * need each other, and connects them. The services are generic; what is specific to Stockwire is
 * decided here, in live.ts, api-definition.ts and environment.ts.
 */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { useTransport } from "@stockwire/core/store/client";
import { tables } from "@stockwire/core/store/tables";
import { scopes } from "@stockwire/functions/api/policy";
import { jsonLine } from "@stockwire/functions/telemetry/log";
import { createConcurrency } from "@stockwire/gateway/concurrency";
import { createHttpApi } from "@stockwire/gateway/http/http-api";
import type { LambdaHandler } from "@stockwire/gateway/lambda";
import { httpApi, type PartnerSettings } from "./api-definition.ts";
import { ignoreAwsSettings } from "./aws-settings.ts";
import { seed } from "./commands/seed.ts";
import { createBuilder } from "./console/build.ts";
import { createConsole } from "./console/console.ts";
import { cursorSecret } from "./cursor-secret.ts";
import { browserClient } from "./demo-user.ts";
import { type Engine, startDynamodb } from "./engine/dynamodb.ts";
import { createTables } from "./engine/tables.ts";
import { deleteExpired } from "./engine/ttl.ts";
import { type Credentials, credentialsOf, setEnvironment, tableName } from "./environment.ts";
import type { LocalError } from "./error.ts";
import { guideService } from "./guide/service.ts";
import { indexPage } from "./index-page.ts";
import { openListener } from "./listener.ts";
import { isLiveUpgrade, type Live, liveEndpoint, startLive } from "./live.ts";
import { type Partner, startPartner } from "./partner/partner.ts";
import { schedule, type Schedule } from "./schedule.ts";
import { openIssuerOf, register, ROOT, unregister } from "./server-registry.ts";
import { openSocketTransport } from "./transport/socket.ts";

export interface LaptopOptions {
  port: number; // 0 picks a free one
  dataDir: string;
  enginePort?: number; // of the embedded DynamoDB; 0, the default, picks a free one
  /** Whether a new table receives demo data. */
  seed: boolean;
  /** How frames reach connections: in this process, or as signed HTTP requests, as on AWS. */
  posts: "direct" | "http";
  partner: PartnerSettings;
  log: (line: string) => void;
  /** The DynamoDB engine has failed and is not started again. */
  onDown: (reason: LocalError) => void;
}

export interface Laptop {
  url: string;
  /** The endpoint of the DynamoDB engine; undefined for Amazon's DynamoDB. */
  engine: string | undefined;
  /** Of the engine. Undefined for Amazon's DynamoDB. */
  region: string | undefined;
  credentials: Credentials | undefined;
  /** The API key that the first start has created for the Partner API. */
  partnerKey: string | undefined;
  /** Waits a bounded time for requests in progress, then stops all services. Takes about 2 s at most. */
  stop(): Promise<void>;
}

const SWEEP_INTERVAL = 60_000; // ms
const TTL_INTERVAL = 10 * 60_000; // ms
const DRAIN_TIMEOUT = 1_200; // ms

/** Starts everything and resolves when it is ready. Throws ListenError and LocalError. */
export async function startLaptop(options: LaptopOptions): Promise<Laptop> {
  const { log } = options;
  ignoreAwsSettings();
  const dataDir = resolve(options.dataDir);
  let ready = false; // until then all requests are our own, and not logged
  let engine: Engine | undefined;
  let clients: Clients | undefined;
  let live: Live | undefined;
  let partner: Partner | undefined;
  const schedules: Schedule[] = [];
  const consoleBuilder = createBuilder();

  // The port comes first: it is the quickest to fail, and the issuer is named after its URL.
  const listener = await openListener({
    port: options.port,
    isUpgrade: isLiveUpgrade,
    onError: (error) => log(`gateway: ${String(error)}`),
    drainTimeout: DRAIN_TIMEOUT,
  });
  const { port, url } = listener;

  // What accepts work stops before what the work needs.
  const stop = async () => {
    unregister(port);
    for (const each of schedules) each.stop();
    consoleBuilder.stop();
    await Promise.all([live?.stop(), listener.close()]);
    partner?.stop();
    clients?.close();
    await engine?.stop();
  };

  try {
    // DynamoDB: the engine and the tables
    engine = await startDynamodb({ ...options, dataDir, port: options.enginePort });
    clients = createClients(engine);
    const { dynamodb, streams } = clients;
    const created = await createTables(dynamodb, tables, tableName);
    if (engine.endpoint !== undefined) {
      // Amazon's DynamoDB deletes expired items by itself.
      const expire = () => deleteExpired(dynamodb, tables, tableName);
      const onError = (error: unknown) => log(`time to live: ${String(error)}`);
      schedules.push(schedule(expire, { everyMs: TTL_INTERVAL, onError }));
    }

    // Lambda: the environment and the transport first, because handlers read both while they are imported
    const secret =
      process.env["CURSOR_SECRET"] ?? (await cursorSecret(dynamodb, tableName("Data")));
    setEnvironment(engine, url, secret);
    // Other engines may answer in forms of HTTP that this transport does not read.
    if (engine.kind === "dynoxide") useTransport(openSocketTransport);
    const http = await import("@stockwire/functions/handlers/http");
    const sweep = await import("@stockwire/functions/handlers/sweep");

    // EventBridge: ends expired reservations
    const onSweepError = (error: unknown) => log(`sweep: ${String(error)}`);
    schedules.push(schedule(sweep.handler, { everyMs: SWEEP_INTERVAL, onError: onSweepError }));

    // Cognito: signs users in, signs tokens, and publishes the keys that verify them
    const issuer = await openIssuerOf({ dataDir, issuer: url }, scopes, browserClient);

    // DynamoDB Streams, SQS and API Gateway's WebSocket API: bring changes to clients
    const accessLog = (record: object) => {
      if (ready) log(jsonLine(record));
    };
    const liveServices = await startLive({
      dynamodb,
      streams,
      tableName,
      dataDir,
      credentials: credentialsOf(engine),
      region: process.env["AWS_REGION"],
      endpoint: liveEndpoint(url),
      posts: options.posts,
      log,
      accessLog,
    });
    live = liveServices;

    // Lambda's limit for the functions of both APIs together
    const concurrency = createConcurrency();

    // API Gateway's REST API: requests below /partner
    const app = wakingAfter(http.handler, () => liveServices.wake());
    const partnerService = await startPartner({
      dataDir,
      handler: app,
      settings: options.partner,
      tableName: tableName("Data"),
      region: process.env["AWS_REGION"],
      concurrency,
      log,
      accessLog,
    });
    partner = partnerService;

    // API Gateway's HTTP API: all other requests
    const api = createHttpApi({
      ...httpApi(app, url),
      concurrency,
      accessLog,
      onError: ({ message, error, requestId }) =>
        log(jsonLine({ level: "ERROR", message, error: String(error), requestId })),
    });

    // The console and the guide, which are not part of AWS
    const consolePages = createConsole({ builder: consoleBuilder, sign: issuer.sign, scopes });

    const guide = guideService(ROOT, log);
    const services = [issuer, consolePages, guide, indexPage, liveServices, partnerService];
    listener.serve(services, api, liveServices);
    const own = `http://127.0.0.1:${port}`;
    const token = issuer.sign({ claims: { sub: "seed", scope: "admin" } });
    if (!(await acceptsTokens(own, token))) log("gateway: it does not get the issuer's keys");
    if (options.seed && created.includes("Data")) await seed(own, token);
    ready = true;
    const { endpoint, clientConfig } = engine;
    const { region, credentials } = clientConfig;
    register({ port, dataDir, issuer: url, endpoint, table: tableName("Data") });
    const { demoKey } = partnerService;
    return { url, engine: endpoint, region, credentials, partnerKey: demoKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const KEY_TRIES = 30;
const KEY_PAUSE = 1000; // ms for which the gateway does not fetch again

/**
 * Waits until the gateway has the issuer's keys, for half a minute at most; false if it has not. As API
 * Gateway does, it answers 401 if they take longer than 1.5 s, which they can on a busy machine, and
 * clients end at a 401.
 */
async function acceptsTokens(url: string, token: string): Promise<boolean> {
  for (let tries = 0; tries < KEY_TRIES; tries++) {
    const answer = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } });
    await answer.body?.cancel();
    if (answer.status !== 401) return true;
    await sleep(KEY_PAUSE);
  }
  return false;
}

interface Clients {
  dynamodb: DynamoDBClient;
  streams: DynamoDBStreamsClient;
  close(): void;
}

function createClients({ clientConfig }: Engine): Clients {
  const dynamodb = new DynamoDBClient(clientConfig);
  const streams = new DynamoDBStreamsClient(clientConfig);
  return {
    dynamodb,
    streams,
    close() {
      dynamodb.destroy();
      streams.destroy();
    },
  };
}

/** The same handler, followed by `wake`: changes of a request need not wait for the next poll. */
function wakingAfter(handler: LambdaHandler, wake: () => void): LambdaHandler {
  return async (event, context) => {
    try {
      return await handler(event, context);
    } finally {
      wake();
    }
  };
}
