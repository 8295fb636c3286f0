import * as SignedToken from "@stockwire/core/store/signed-token";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { createClient } from "@stockwire/core/store/client";
import { newId } from "@stockwire/core/id";
import { createApp } from "@stockwire/functions/api/app";
import { createLog } from "@stockwire/functions/telemetry/log";
import { createMeasure } from "@stockwire/functions/telemetry/metric";
import { type Call, event1, event2 } from "../../functions/test/events.ts";
import { onSharedEngine, startLaptop } from "./laptop.ts";

/** One way to send requests to the application. The contract is tested on each of them. */
export interface Driver {
  name: string;
  /** Whether a gateway is in front of the app and refuses requests with its own messages. */
  gateway: boolean;
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
    timeout: Number(process.env["DYNAMODB_TIMEOUT_MS"] ?? 1_500),
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
      const result = JSON.parse(JSON.stringify(await handler(event))) as Awaited<
        ReturnType<typeof handler>
      >;
      const headers = new Headers();
      for (const [name, value] of Object.entries(result.headers ?? {})) headers.set(name, value);
      const many: Record<string, string[]> = result.multiValueHeaders ?? {};
      for (const [name, values] of Object.entries(many)) {
        for (const value of values) headers.append(name, value);
      }
      const body = Buffer.from(result.body ?? "", result.isBase64Encoded ? "base64" : "utf8");
      return answerOf(result.statusCode, headers, body.toString());
    },
    close: () => Promise.resolve(),
  };
}

/** HTTP to a laptop server in another process, through its gateway and with its issuer's tokens. */
async function overHttp(): Promise<Driver> {
  const laptop = await startLaptop({ args: ["--no-seed"], env: onSharedEngine() });
  return {
    name: "HTTP through the laptop's gateway",
    gateway: true,
    async send(request) {
      const { method, path, scope = "admin", sub = "ana", body } = request;
      const authorization = scope !== null && {
        authorization: `Bearer ${laptop.token({ sub, scope })}`,
      };
      const answer = await fetch(laptop.url + path, {
        method,
        headers: { ...authorization, ...headersOf(request) },
        body: encoded(body) ?? null,
        redirect: "manual",
      });
      return answerOf(answer.status, answer.headers, await answer.text());
    },
    close: () => laptop.close(),
  };
}

/** All drivers. Each test file opens its own. */
export const drivers = [
  { name: "Hono in process", open: inProcess },
  { name: "Lambda, payload 2.0", open: () => lambda("2.0") },
  { name: "Lambda, payload 1.0", open: () => lambda("1.0") },
  { name: "HTTP through the laptop's gateway", open: overHttp },
];

/** An email address that no other user has. */
export const address = (): string => `u${newId().replaceAll("-", "")}@example.com`;
