/** The steps of cases for WebSocket APIs. */

import { setTimeout as sleep } from "node:timers/promises";
import { createSigner } from "../auth/sigv4.ts";
import type { Listening } from "../server.ts";
import type { WebSocketApi } from "../websocket/websocket-api.ts";
import { type BodyNotation, type RequestNotation, bodyOf } from "./case.ts";
import type { Recorder } from "./handler.ts";
import { type References, difference, eventDifference } from "./match.ts";
import { request as sendRequest } from "./raw-http.ts";
import { responseDifference } from "./response.ts";
import { type WebSocketClient, eventually, openClient } from "./websocket-client.ts";

/** A step. Each kind of step reads the members that concern it. */
export interface Step extends BodyNotation {
  do: string;
  api?: string;
  conn?: string;
  path?: string;
  headers?: [string, string][];
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
  stage: string;
  authorizers: Recorder;
  routes: ReadonlyMap<string, Recorder>;
  /** The last event of any route. */
  lastEvent: () => unknown;
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
  async wsOpen({ conn = "", path = "/", headers = [], expect = {} }, { clients, current }) {
    const { authorizers, server } = current;
    authorizers.events = [];
    clients.get(conn)?.socket.ws.terminate();
    const socket = await openClient(`ws://localhost:${server.port}${path}`, { headers });
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
    const path = `@connections/${connectionId}`;
    const tail = encodeTarget ? path.split("/").map(encodeURIComponent).join("/") : path;
    const target = `/${openApi.stage}/${tail}`;
    const body = bodyOf(rest) ?? Buffer.alloc(0);
    const { port } = openApi.server;
    const headers = sign ? await signedHeaders(method, target, `localhost:${port}`, body) : [];
    const response = await sendRequest(port, { method, target, headers, body });
    return responseDifference(expect, response, { event: openApi.lastEvent() });
  },
};

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
): Promise<[string, string][]> {
  const credential = { accessKeyId: ACCESS_KEY, region: REGION, service: "execute-api" };
  const request = { method, protocol: "http:", hostname: host, path, headers: { host }, body };
  const { headers } = await createSigner(credential, SECRET).sign(request);
  return Object.entries(headers);
}
