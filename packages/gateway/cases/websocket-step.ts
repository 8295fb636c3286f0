import { setTimeout as sleep } from "node:timers/promises";
import type { Listening } from "../server.ts";
import { authorizationHeader, signatureOf } from "../auth/sigv4.ts";
import type { WebSocketApi } from "../websocket/websocket-api.ts";
import { answerDifference } from "./answer.ts";
import { type BodyNotation, type RequestNotation, bodyOf } from "./case.ts";
import type { Witness } from "./handler.ts";
import { type Known, difference, eventDifference } from "./match.ts";
import { request } from "./raw-http.ts";
import { type WebSocketClient, eventually, openClient } from "./websocket-client.ts";

/** Each kind of step reads the members that it knows. */
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

/** One API of a case, on a server of its own. */
export interface Opened {
  api: WebSocketApi;
  server: Listening;
  stage: string;
  authorizers: Witness;
  routes: ReadonlyMap<string, Witness>;
  /** The last event that any of the routes saw. */
  last: () => unknown;
  /** The id that the last handshake was given. */
  connectionId: () => string;
}

/** A client of a case, by its name in `conn`. */
export interface Client {
  socket: WebSocketClient;
  opened: Opened;
  connectionId: string;
}

interface Run {
  clients: Map<string, Client>;
  /** The API of this step. */
  current: Opened;
}

type StepRunner = (step: Step, run: Run) => Promise<string | undefined>;

const ACCESS_KEY = "cases";
const SECRET = "the secret of the cases";
const REGION = "us-east-1";

/** Whose signatures the APIs of cases accept. */
export const CREDENTIALS = { [ACCESS_KEY]: SECRET };

/** What a step can do, by its `do`. */
export const STEPS: Readonly<Record<string, StepRunner>> = {
  async wsOpen({ conn = "", path = "/", headers = [], expect = {} }, { clients, current }) {
    const { authorizers, server } = current;
    authorizers.events = [];
    clients.get(conn)?.socket.ws.terminate();
    const socket = await openClient(`ws://localhost:${server.port}${path}`, { headers });
    clients.set(conn, { socket, opened: current, connectionId: current.connectionId() });
    const { events } = authorizers;
    const known: Known = { event: current.last(), authorizerEvent: events.at(-1) };
    const asked = expect["authorizerInvocations"] ?? events.length;
    return (
      answerDifference(expect, socket.answer, known) ??
      difference(asked, events.length, known, "authorizerInvocations") ??
      (expect.authorizerEvent &&
        eventDifference(expect.authorizerEvent, events.at(-1), known, "authorizer event"))
    );
  },
  expectLastEvent: ({ event = {} }, { current }) =>
    untilAlike(() => {
      const last = current.last();
      return eventDifference(event, last, { event: last }, "event");
    }),
  expectInvocations: ({ route = "", count }, { current }) =>
    untilAlike(() =>
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
    return untilAlike(() => difference(code, socket.closed?.code, {}, "close code"));
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
  async http({ request: wanted, expect = {} }, { current }) {
    if (!wanted) return "there is no request";
    const answer = await request(current.server.port, { ...wanted, body: bodyOf(wanted) });
    return answerDifference(expect, answer, { event: current.last() });
  },
  async mgmt({ conn, method = "GET", encodeTarget, sign, expect = {}, ...rest }, { clients }) {
    const { opened, connectionId } = clientOf(conn, clients);
    const path = `@connections/${connectionId}`;
    const tail = encodeTarget ? path.split("/").map(encodeURIComponent).join("/") : path;
    const target = `/${opened.stage}/${tail}`;
    const body = bodyOf(rest) ?? Buffer.alloc(0);
    const { port } = opened.server;
    const headers = sign ? signed(method, target, `localhost:${port}`, body) : [];
    const answer = await request(port, { method, target, headers, body });
    return answerDifference(expect, answer, { event: opened.last() });
  },
};

function clientOf(name = "", clients: ReadonlyMap<string, Client>): Client {
  const client = clients.get(name);
  if (!client) throw new Error(`there is no connection ${name}`);
  return client;
}

/** Waits until there is no difference; the one that is left after two seconds. */
async function untilAlike(look: () => string | undefined): Promise<string | undefined> {
  let differs: string | undefined;
  await eventually(() => ((differs = look()) === undefined ? true : undefined));
  return differs;
}

function signed(method: string, target: string, host: string, body: Buffer): [string, string][] {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const headers = new Map([
    ["host", host],
    ["x-amz-date", time],
  ]);
  const names = [...headers.keys()];
  const credential = {
    accessKeyId: ACCESS_KEY,
    date: time.slice(0, 8),
    region: REGION,
    service: "execute-api",
  };
  const signature = signatureOf(
    { method, encodedPath: target, rawQuery: "", headers },
    names,
    body,
    credential,
    SECRET,
  );
  return [...headers, ["authorization", authorizationHeader(credential, names, signature)]];
}
