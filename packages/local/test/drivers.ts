import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import * as Offset from "@stockwire/core/changes/offset";
import { createClient } from "@stockwire/core/store/client";
import { newId } from "@stockwire/core/id";
import { createApp } from "@stockwire/functions/api/app";
import { templateRoutes } from "@stockwire/functions/partner/integration";
import { partnerRoutes } from "@stockwire/functions/partner/route";
import { createLog } from "@stockwire/functions/telemetry/log";
import { createMeasure } from "@stockwire/functions/telemetry/metric";
import { type Call, event1, event2 } from "../../functions/test/events.ts";
import { createKey, keyFileOf } from "../partner/key-file.ts";
import { onSharedEngine, type RunningLaptop, startLaptop } from "./laptop.ts";
import type * as Handler from "@stockwire/functions/handlers/http";
import { openIssuer } from "../issuer/issuer.ts";
import { AUDIENCE } from "../server-registry.ts";
import type { TestHosts } from "./hosts/setup.ts";

/** One way to send requests to the application. The contract is tested on each of them. */
export interface Driver {
  name: string;
  /** Whether a gateway is in front of the app and refuses requests with its own messages. */
  gateway: boolean;
  /** Whether answers can be streamed. */
  streams?: boolean;
  /** Whether that gateway is the REST API of partners. */
  partner?: boolean;
  /** Whether `/` is the laptop's index. */
  index?: boolean;
  /** workerd removes conditional headers without a value before a Worker sees them. */
  dropsEmptyConditions?: boolean;
  send(request: Request): Promise<Answer>;
  close(): Promise<void>;
}

export interface Request {
  method: string;
  path: string;
  /** The scope of the caller's token; null sends no token. */
  scope?: string | null;
  sub?: string;
  headers?: Record<string, string>;
  /** A string is sent unchanged, any other value as JSON. */
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read any answer
  json: any;
}

const { DYNAMODB_ENDPOINT = "", DATA_TABLE = "" } = process.env;
const { CHANGES_TABLE = "", CONNECTIONS_TABLE = "" } = process.env;
const CURSOR_SECRET = "the cursor secret of these tests, long enough";

const environment = {
  AWS_ENDPOINT_URL_DYNAMODB: DYNAMODB_ENDPOINT,
  CURSOR_SECRET,
  STAGE: "test",
  LOG_LEVEL: "silent",
  ALLOWED_ORIGINS: "*",
};

const about = {
  name: "stockwire",
  version: "0",
  commit: "0",
  stage: "test",
  runtime: "node",
};

const answerOf = (status: number, headers: Headers, text: string): Answer => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status, headers, text, json };
};

const encoded = (body: unknown): string | undefined =>
  body === undefined || typeof body === "string" ? body : JSON.stringify(body);

const headersOf = ({ headers = {}, body }: Request): Record<string, string> => ({
  ...(body !== undefined && { "Content-Type": "application/json" }),
  ...headers,
});

const callOf = (request: Request): Call => {
  const { method, path, scope = "admin", sub = "ana", body } = request;
  const claims = scope === null ? undefined : { sub, scope, exp: "4102444800" };
  return { method, path, headers: headersOf(request), body: encoded(body), claims };
};

/** The app, called directly as Hono's test client does. */
async function inProcess(): Promise<Driver> {
  const client = createClient({
    region: "us-east-1",
    endpoint: DYNAMODB_ENDPOINT,
    timeout: Number(process.env["DYNAMODB_TIMEOUT_MS"] ?? 5_000), // more than a call takes on a busy machine
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  DynamoDB.configure({
    client,
    tableName: DATA_TABLE,
    changes: CHANGES_TABLE,
    connections: CONNECTIONS_TABLE,
    shards: 4,
  });
  SignedToken.configure(CURSOR_SECRET);
  Offset.configure(30, CHANGES_TABLE); // as the functions, which share the cursors of this process
  const log = createLog("silent", "test");
  const measure = createMeasure("off", "test");
  const app = createApp({ about, log, measure, origins: ["*"], secure: false });
  return {
    name: "Hono in process",
    gateway: false,
    async send(request) {
      const { method, path, headers = {}, body = null, claims } = callOf(request);
      const authorizer = claims && { jwt: { claims, scopes: null } };
      const init = { method, headers, body };
      const answer = await app.request(path, init, {
        requestContext: { ...(authorizer && { authorizer }) },
      });
      return answerOf(answer.status, answer.headers, await answer.text());
    },
    close: () => Promise.resolve(),
  };
}

async function lambda(version: "2.0" | "1.0"): Promise<Driver> {
  Object.assign(process.env, environment);
  const { handler } = await import("@stockwire/functions/handlers/http");
  const eventOf = version === "2.0" ? event2 : event1;
  return {
    name: `Lambda, payload ${version}`,
    gateway: false,
    async send(request) {
      // Like Lambda, which transports events and results as JSON.
      const event: unknown = JSON.parse(JSON.stringify(eventOf(callOf(request))));
      return answerOfResult(JSON.parse(JSON.stringify(await handler(event))) as Result);
    },
    close: () => Promise.resolve(),
  };
}

type Result = Awaited<ReturnType<typeof Handler.handler>>;

function answerOfResult(result: Result): Answer {
  const headers = new Headers();
  for (const [name, value] of Object.entries(result.headers ?? {}))
    headers.set(name, String(value));
  const many: Record<string, string[]> = result.multiValueHeaders ?? {};
  for (const [name, values] of Object.entries(many)) {
    for (const value of values) headers.append(name, value);
  }
  const body = Buffer.from(result.body ?? "", result.isBase64Encoded ? "base64" : "utf8");
  return answerOf(result.statusCode, headers, body.toString());
}

const authorizationOf = ({ scope = "admin", sub = "ana" }: Request, token: Tokens) =>
  scope === null ? {} : { authorization: `Bearer ${token({ sub, scope })}` };

async function sendOverHttp(
  url: string,
  token: Tokens,
  request: Request,
  more: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(url + request.path, {
    method: request.method,
    headers: { ...authorizationOf(request, token), ...headersOf(request), ...more },
    body: encoded(request.body) ?? null,
    redirect: "manual",
  });
  return answerOf(answer.status, answer.headers, await answer.text());
}

let shared: Promise<{ laptop: RunningLaptop; key: string; folder: string }> | undefined;

/** The server of both drivers over HTTP, started once for each test file. */
const sharedLaptop = () => (shared ??= startShared());

async function startShared() {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-contract-"));
  const { value: key } = await createKey(keyFileOf(folder), { name: "suite", plan: "production" });
  const env = { ...onSharedEngine(), CHANGE_STREAM_SECONDS: "1" };
  const laptop = await startLaptop({ args: ["--no-seed"], env, dataDir: folder });
  return { laptop, key, folder };
}

/** Ends the server of both drivers over HTTP, if one was started. */
export async function closeLaptop(): Promise<void> {
  if (!shared) return;
  const { laptop, folder } = await shared;
  shared = undefined;
  await laptop.close();
  await rm(folder, { recursive: true, force: true });
}

/** Sends a request with a token to the API below `base`. */
const fetchFrom = (
  laptop: RunningLaptop,
  base: string,
  request: Request,
  more?: Record<string, string>,
): Promise<Answer> =>
  sendOverHttp(laptop.url + base, (claims) => laptop.token(claims), request, more);

/** HTTP to a laptop server in another process, through its gateway and with its issuer's tokens. */
async function overHttp(): Promise<Driver> {
  const { laptop } = await sharedLaptop();
  return {
    name: "HTTP through the laptop's gateway",
    gateway: true,
    index: true,
    send: (request) => fetchFrom(laptop, "", request),
    close: () => Promise.resolve(),
  };
}

/**
 * HTTP to the Partner API of a laptop, with key and token. Where its gateway answers instead of the app,
 * the answer is that of the same request to the HTTP API, and the gateway's is checked here: a model may
 * refuse only a body that the app refuses too, and only requests that no partner's route takes are
 * unknown. What the app answers starts with the stage, which is checked and left out.
 */
async function overPartnerApi(): Promise<Driver> {
  const { laptop, key } = await sharedLaptop();
  return {
    name: "HTTP through the laptop's Partner API",
    index: true,
    gateway: true,
    partner: true,
    streams: true,
    async send(request) {
      if (hasTemplate(request)) return fetchFrom(laptop, "", request);
      const answer = await fetchFrom(laptop, STAGE_BASE, request, { "x-api-key": key });
      // An answer to HEAD has no body, but this header.
      const type = answer.headers.get("x-amzn-errortype");
      if (type === "MissingAuthenticationTokenException") {
        if (isPartnerRoute(request))
          throw new Error(`${request.method} ${request.path} is missing`);
        return fetchFrom(laptop, "", request);
      }
      if (type === "BadRequestException" && answer.json.message === "Invalid request body") {
        const other = await fetchFrom(laptop, "", request);
        if (other.status === 400 || other.status === 413) return other;
        throw new Error(`a model refuses what the app answers with ${other.status}`);
      }
      return withoutStage(answer);
    },
    close: () => Promise.resolve(),
  };
}

/** True for a method of the Partner API that does not serve the app. */
const hasTemplate = ({ method, path }: Request): boolean =>
  templateRoutes.some(({ routeKey }) => routeKey === `${method} ${path}`);

const partnerPatterns = partnerRoutes.map(({ routeKey }) => {
  const pattern = routeKey.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`);
});
const isPartnerRoute = ({ method, path }: Request): boolean =>
  partnerPatterns.some((pattern) => pattern.test(`${method} ${path.split("?", 1)[0] ?? ""}`));

const STAGE_BASE = "/partner";

/** The answer as if the API had no stage. Throws if a link or the type of a problem lacks it. */
function withoutStage({ status, headers, text }: Answer): Answer {
  const bare = new Headers(headers);
  for (const [name, pattern] of [
    ["location", /^\/partner\//],
    ["link", /^<\/partner\//],
  ] as const) {
    const given = headers.get(name);
    if (given === null) continue;
    if (!pattern.test(given)) throw new Error(`${name}: ${given} does not start with the stage`);
    bare.set(name, given.replace(STAGE_BASE, ""));
  }
  const type = '"type":"/docs/problems#';
  if (text.includes(type)) throw new Error("the type of a problem does not start with the stage");
  return answerOf(status, bare, text.replaceAll(`"type":"${STAGE_BASE}/docs/`, '"type":"/docs/'));
}

/** HTTP to a host without a gateway, which verifies the issuer's tokens itself. */
async function onHost(name: string, { issuer, urls }: TestHosts): Promise<Driver> {
  const token = await tokensOf(issuer);
  return {
    name,
    gateway: false,
    streams: true,
    dropsEmptyConditions: name === "workerd",
    send: (request) => sendOverHttp(urls[name] ?? "", token, request),
    close: () => Promise.resolve(),
  };
}

/** Events as a function URL makes them: no authorizer has seen the token. */
async function functionUrl({ issuer, settings }: TestHosts): Promise<Driver> {
  Object.assign(process.env, settings);
  const { handler } = await import("@stockwire/functions/hosts/function-url");
  const token = await tokensOf(issuer);
  return {
    name: "Lambda function URL",
    gateway: false,
    async send(request) {
      const call = callOf(request);
      const headers = { ...authorizationOf(request, token), ...call.headers };
      const event = event2({ ...call, headers, claims: undefined });
      const result = await handler(JSON.parse(JSON.stringify(event)));
      return answerOfResult(JSON.parse(JSON.stringify(result)) as typeof result);
    },
    close: () => Promise.resolve(),
  };
}

type Tokens = (claims: Record<string, unknown>) => string;

const tokensOf = async ({ dir, url }: TestHosts["issuer"]): Promise<Tokens> => {
  const issuer = await openIssuer({ dir, issuer: url, audience: AUDIENCE, clientId: "tests" });
  return (claims) => issuer.sign({ claims });
};

const { TEST_HOSTS } = process.env;
const hosts = TEST_HOSTS === undefined ? undefined : (JSON.parse(TEST_HOSTS) as TestHosts);

/** All drivers: of hosts in `npm run test:hosts`. Each test file opens its own. */
export const drivers = hosts
  ? [
      { name: "Lambda function URL", open: () => functionUrl(hosts) },
      ...Object.keys(hosts.urls).map((name) => ({ name, open: () => onHost(name, hosts) })),
    ]
  : [
      { name: "Hono in process", open: inProcess },
      { name: "Lambda, payload 2.0", open: () => lambda("2.0") },
      { name: "Lambda, payload 1.0", open: () => lambda("1.0") },
      { name: "HTTP through the laptop's gateway", open: overHttp },
      { name: "HTTP through the laptop's Partner API", open: overPartnerApi },
    ];

/** An email address that no other user has. */
export const address = (): string => `u${newId().replaceAll("-", "")}@example.com`;
