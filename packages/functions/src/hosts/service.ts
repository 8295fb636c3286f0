/**
 * The HTTP application for hosts without a gateway, such as Node, Bun, Deno, workerd and function
 * URLs. What API Gateway does, the app does: it verifies tokens, bounds bodies and limits callers
 * (docs/hosts.md). Nothing below reads the environment, and no claim comes from a request but in a
 * token that was verified.
 */

import * as Offset from "@stockwire/core/changes/offset";
import type { OpenTransport } from "@stockwire/core/aws/client";
import { createClient } from "@stockwire/core/store/client";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import * as SignedToken from "@stockwire/core/store/signed-token";
import { HTTPException } from "hono/http-exception";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../api/app.ts";
import type { Gate } from "../api/caller.ts";
import { createChangeStream } from "../api/change-stream.ts";
import { bearerToken, createTokenReader } from "../auth/caller.ts";
import { createLog } from "../telemetry/log.ts";
import { createMeasure } from "../telemetry/metric.ts";
import type { Settings } from "./settings.ts";
import { type Exchange, methodOf, type Telemetry, watched } from "./telemetry.ts";
import { createThrottle } from "./throttle.ts";

/** What a host does not run. Every entry says so when it starts. */
export const NOT_OFFERED =
  "Not offered here: the Live API (WebSocket), delivery to its connections, the change log's " +
  "appender, the sweep of expired reservations and the Partner API. See docs/hosts.md.";

/** What differs between hosts. */
export interface Host {
  /** Name and version, which `/version` shows. */
  runtime: string;
  /** How DynamoDB is reached; by default through node:http. */
  transport?: OpenTransport;
  /** False where an answer is sent when it is complete: `GET /changes/stream` is then 406. */
  streams?: boolean;
  /** Watches requests, calls to the store and streams. Without it nothing is wrapped. */
  telemetry?: Telemetry | undefined;
  /** Writes a line of the log, which ends with a line feed; by default to standard output. */
  write?: (line: string) => void;
}

export interface Service {
  /** Answers a request; never rejects. `address` is the peer of the connection, if the host knows it. */
  fetch: (request: Request, address?: string) => Promise<Response>;
  log: ReturnType<typeof createLog>;
  /** Closes the connections to the store. */
  close: () => void;
}

/** Proxies end connections that are silent for longer, often after a minute. */
const HEARTBEAT = 15_000; // ms

/** Creates the service. It configures the store of the whole process, so a process has one service. */
export function createService(settings: Settings, host: Host): Service {
  const log = createLog(settings.LOG_LEVEL, "stockwire", host.write);
  const { telemetry } = host;
  const store = createClient({
    region: settings.AWS_REGION,
    endpoint: settings.AWS_ENDPOINT_URL_DYNAMODB,
    timeout: settings.DYNAMODB_TIMEOUT_MS,
    credentials: settings.credentials,
    transport: host.transport,
  });
  const client = telemetry ? watched(store, telemetry) : store;
  DynamoDB.configure({
    client,
    tableName: settings.DATA_TABLE,
    changes: settings.CHANGES_TABLE,
    connections: settings.CONNECTIONS_TABLE,
    shards: settings.LIST_SHARDS,
  });
  Offset.configure(settings.CHANGE_RETENTION_DAYS, settings.CHANGES_TABLE);
  SignedToken.configure(settings.CURSOR_SECRET);
  const app = createApp({
    about: {
      name: "stockwire",
      version: packageJson.version,
      commit: settings.COMMIT,
      stage: settings.STAGE,
      runtime: host.runtime,
    },
    log,
    measure: createMeasure(settings.METRICS, settings.STAGE),
    origins: settings.ALLOWED_ORIGINS,
    secure: settings.PUBLIC_SCHEME === "https",
    gate: createGate(settings, log),
    ...(host.streams !== false && {
      streamChanges: createChangeStream({
        lifetime: settings.CHANGE_STREAM_SECONDS * 1000,
        heartbeat: HEARTBEAT,
        log,
        ...(telemetry && { watch: telemetry.changeStream }),
      }),
    }),
  });
  // The bindings are made here: what a host or a client could put into them is not read.
  const bindingsOf = ({ headers }: Request, address: string | undefined): Bindings => ({
    requestContext: { client: clientOf(headers, settings.trustedProxies, address) },
  });
  return {
    fetch: telemetry
      ? async (request, address) => {
          const bindings = bindingsOf(request, address);
          const exchange: Exchange = {
            request,
            method: methodOf(request),
            client: bindings.requestContext.client,
          };
          return telemetry.request(exchange, async () =>
            app.fetch(request, { ...bindings, exchange }),
          );
        }
      : async (request, address) => app.fetch(request, bindingsOf(request, address)),
    log,
    close: () => client.close(),
  };
}

interface Bindings {
  requestContext: { client: Exchange["client"] };
  /** With telemetry, which learns the route by it. */
  exchange?: Exchange;
}

/** Paths that are never refused, because load balancers ask for them. */
const UNLIMITED: ReadonlySet<string> = new Set(["/health", "/ready"]);

/**
 * Verifies the token where the route needs one, and takes the request from the bucket of its subject;
 * without a valid token, from the bucket of its address.
 */
function createGate(settings: Settings, log: Service["log"]): Gate {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audiences } = settings;
  const readToken = createTokenReader({ issuer, audiences, log });
  const waitOf = createThrottle({ rate: settings.callerRate, burst: settings.callerBurst });
  return async (c, { access, path }) => {
    const { exchange } = c.env as Bindings;
    if (exchange) exchange.route = path;
    const authorization = c.req.header("authorization");
    const caller =
      access === "open" || authorization === undefined
        ? undefined
        : await readToken(bearerToken(authorization));
    if (!UNLIMITED.has(path)) {
      const address = c.env.requestContext?.client?.sourceIp ?? "unknown";
      const wait = waitOf(caller ? `sub ${caller.sub}` : `address ${address}`);
      if (wait > 0) throw tooManyRequests(wait);
    }
    return caller;
  };
}

/** The words of API Gateway, so that clients need to know one refusal only. */
const tooManyRequests = (seconds: number) =>
  new HTTPException(429, {
    res: new Response('{"message":"Too Many Requests"}', {
      status: 429,
      headers: { "Content-Type": "application/json", "Retry-After": String(seconds) },
    }),
  });

/**
 * Who sent a request, for the log and for the buckets of callers without a token. Each proxy appends
 * the address of its peer, so with n proxies the client's address is the nth from the right.
 * https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
 */
function clientOf(headers: Headers, proxies: number, address: string | undefined) {
  const forwarded = proxies === 0 ? [] : (headers.get("x-forwarded-for")?.split(",") ?? []);
  const sourceIp = forwarded.at(-proxies)?.trim() || address;
  const userAgent = headers.get("user-agent");
  return {
    ...(sourceIp !== undefined && { sourceIp: sourceIp.slice(0, 64) }),
    ...(userAgent !== null && { userAgent: userAgent.slice(0, 256) }),
  };
}
