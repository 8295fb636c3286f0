/** The steps of cases for WebSocket APIs. */

import { setTimeout as sleep } from "node:timers/promises";
import { createSigner } from "../auth/sigv4.ts";
import type { Listening } from "../server.ts";
import type { WebSocketApi } from "../websocket/websocket-api.ts";
import {
  type BodyNotation,
  type CaseClock,
  type RequestNotation,
  type StepMembers,
  bodyOf,
} from "./case.ts";
import type { Recorder } from "./handler.ts";
import { type References, difference, eventDifference } from "./match.ts";
import { type RawResponse, request as sendRequest } from "./raw-http.ts";
import { responseDifference } from "./response.ts";
import { type WebSocketClient, eventually, openClient } from "./websocket-client.ts";

/** A step. Each kind of step reads the members that concern it. */
export interface Step extends BodyNotation {
  do: string;
  api?: string;
  conn?: string;
  path?: string;
  headers?: [string, string][];
  /** The sub-protocols that a client offers. */
  protocols?: string[];
  reason?: string;
  ms?: number;
  seconds?: number;
  text?: string | null;
  textRepeat?: { char: string; count: number };
  base64?: string;
  fragmentBytes?: number;
  code?: number;
  forMs?: number;
  stillOpen?: boolean;
  route?: string;
  count?: number;
  request?: RequestNotation;
  method?: string;
  encodeTarget?: boolean;
  sign?: boolean;
  event?: Record<string, unknown>;
  expect?: Record<string, unknown> & { authorizerEvent?: Record<string, unknown> };
}

/** One API of a case, on its own server. */
export interface OpenApi {
  api: WebSocketApi;
  server: Listening;
  clock: CaseClock;
  stage: string;
  authorizers: Recorder;
  routes: ReadonlyMap<string, Recorder>;
  /** The last event of any route. */
  lastEvent: () => unknown;
  /** The last result of a route's handler; without a route, of the handler called last. */
  lastResult: (route?: string) => unknown;
  /** The connection id of the last handshake. */
  connectionId: () => string;
}

/** A client of a case; steps name it in `conn`. */
export interface Client {
  socket: WebSocketClient;
  openApi: OpenApi;
  connectionId: string;
}

interface Run {
  clients: Map<string, Client>;
  /** The API of this step. */
  current: OpenApi;
}

type StepRunner = (step: Step, run: Run) => Promise<string | undefined>;

const ACCESS_KEY = "cases";
const SECRET = "the secret of the cases";
const REGION = "us-east-1";

/** The credentials that the APIs of cases accept. */
export const CREDENTIALS = { [ACCESS_KEY]: SECRET };

/** The kinds of steps by the value of `do`. Each resolves to what differs, or to undefined. */
export const STEPS: Readonly<Record<string, StepRunner>> = {
  async wsOpen({ conn = "", path = "/", headers = [], protocols = [], expect = {} }, run) {
    const { clients, current } = run;
    const { authorizers, server } = current;
    authorizers.events = [];
    clients.get(conn)?.socket.ws.terminate();
    const socket = await openClient(`ws://localhost:${server.port}${path}`, { headers, protocols });
    clients.set(conn, { socket, openApi: current, connectionId: current.connectionId() });
    const { events } = authorizers;
    const references: References = {
      event: current.lastEvent(),
      authorizerEvent: events.at(-1),
    };
    const invocations = expect["authorizerInvocations"] ?? events.length;
    return (
      responseDifference(expect, socket.response, references) ??
      difference(invocations, events.length, references, "authorizerInvocations") ??
      (expect.authorizerEvent &&
        eventDifference(expect.authorizerEvent, events.at(-1), references, "authorizer event"))
    );
  },
  expectLastEvent: ({ event = {} }, { current }) =>
    retryUntilEqual(() => {
      const last = current.lastEvent();
      return eventDifference(event, last, { event: last }, "event");
    }),
  expectInvocations: ({ route = "", count }, { current }) =>
    retryUntilEqual(() =>
      difference(count, current.routes.get(route)?.events.length, {}, `invocations of ${route}`),
    ),
  async wsSend({ conn, text, textRepeat, fragmentBytes }, { clients }) {
    const data = textRepeat
      ? Buffer.alloc(textRepeat.count, textRepeat.char)
      : Buffer.from(text ?? "");
    clientOf(conn, clients).socket.send(
      data,
      fragmentBytes === undefined ? {} : { frameBytes: fragmentBytes },
    );
    return undefined;
  },
  async wsSendBinary({ conn, base64 = "" }, { clients }) {
    clientOf(conn, clients).socket.send(Buffer.from(base64, "base64"), { binary: true });
    return undefined;
  },
  async wsExpectFrame({ conn, expect = {} }, { clients }) {
    const { messages } = clientOf(conn, clients).socket;
    const message = await eventually(() => messages.shift());
    return difference("text" in expect ? expect["text"] : expect, message, {}, "frame");
  },
  async wsClose({ conn, code = 1000, reason = "" }, { clients }) {
    const { socket } = clientOf(conn, clients);
    socket.ws.close(code, reason);
    return (await eventually(() => socket.closed)) ? undefined : "the close was not answered";
  },
  async advanceClock(step, { current }) {
    current.clock.advance(step);
    return undefined;
  },
  expectHandlerResult: ({ route, expect }, { current }) =>
    retryUntilEqual(() =>
      difference(expect, current.lastResult(route), {}, "the handler's result"),
    ),
  wsExpectClose({ conn, code }, { clients }) {
    const { socket } = clientOf(conn, clients);
    return retryUntilEqual(() => difference(code, socket.closed?.code, {}, "close code"));
  },
  async wsExpectSilence({ conn, forMs = 0, stillOpen }, { clients }) {
    const { socket } = clientOf(conn, clients);
    await sleep(forMs);
    return (
      difference([], socket.messages, {}, "frames") ??
      (stillOpen === undefined
        ? undefined
        : difference(stillOpen, socket.ws.readyState === socket.ws.OPEN, {}, "stillOpen"))
    );
  },
  async http({ request, expect = {} }, { current }) {
    if (!request) return "there is no request";
    const response = await sendRequest(current.server.port, { ...request, body: bodyOf(request) });
    return responseDifference(expect, response, { event: current.lastEvent() });
  },
  async mgmt({ conn, method = "GET", encodeTarget, sign, expect = {}, ...rest }, { clients }) {
    const { openApi, connectionId } = clientOf(conn, clients);
    const body = bodyOf(rest) ?? Buffer.alloc(0);
    const command = { method, connectionId, encodeTarget, sign, body };
    const response = await manage(openApi, command);
    return responseDifference(expect, response, { event: openApi.lastEvent() });
  },
};

const BODY = ["body", "bodyBase64", "bodyRepeat"];

/** The members that each step reads. */
export const MEMBERS: StepMembers = {
  wsOpen: ["api", "conn", "path", "headers", "protocols", "expect"],
  wsSend: ["api", "conn", "text", "textRepeat", "fragmentBytes"],
  wsSendBinary: ["api", "conn", "base64"],
  wsClose: ["api", "conn", "code", "reason"],
  wsExpectFrame: ["api", "conn", "expect"],
  wsExpectClose: ["api", "conn", "code"],
  wsExpectSilence: ["api", "conn", "forMs", "stillOpen"],
  expectLastEvent: ["api", "conn", "event"],
  expectInvocations: ["api", "conn", "route", "count"],
  expectHandlerResult: ["api", "conn", "route", "expect"],
  advanceClock: ["api", "conn", "ms", "seconds"],
  http: ["api", "conn", "request", "expect"],
  mgmt: ["api", "conn", "method", "encodeTarget", "sign", "expect", ...BODY],
};

interface Command {
  method: string;
  connectionId: string;
  body: Buffer;
  encodeTarget?: boolean | undefined;
  sign?: boolean | undefined;
}

/** Sends a `@connections` command to an API. */
export async function manage(openApi: OpenApi, command: Command): Promise<RawResponse> {
  const { method, connectionId, encodeTarget, sign, body } = command;
  const { clock, server, stage } = openApi;
  const path = `@connections/${connectionId}`;
  const tail = encodeTarget ? path.split("/").map(encodeURIComponent).join("/") : path;
  const target = `/${stage}/${tail}`;
  const host = `localhost:${server.port}`;
  const headers = sign ? await signedHeaders(method, target, host, body, clock.now()) : [];
  return sendRequest(server.port, { method, target, headers, body });
}

function clientOf(name = "", clients: ReadonlyMap<string, Client>): Client {
  const client = clients.get(name);
  if (!client) throw new Error(`there is no connection ${name}`);
  return client;
}

/** Retries a check for two seconds. Resolves to the difference that is left, if any. */
async function retryUntilEqual(look: () => string | undefined): Promise<string | undefined> {
  let differs: string | undefined;
  await eventually(() => ((differs = look()) === undefined ? true : undefined));
  return differs;
}

async function signedHeaders(
  method: string,
  path: string,
  host: string,
  body: Buffer,
  now: number, // epoch milliseconds
): Promise<[string, string][]> {
  const credential = { accessKeyId: ACCESS_KEY, region: REGION, service: "execute-api" };
  const request = { method, protocol: "http:", hostname: host, path, headers: { host }, body };
  const { headers } = await createSigner(credential, SECRET).sign(request, {
    signingDate: new Date(now),
  });
  return Object.entries(headers);
}
