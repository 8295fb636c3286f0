import { newId } from "@stockwire/core/id";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { WebSocket } from "ws";
import { frameFault } from "../../../functions/test/asyncapi.ts";
import type { RunningLaptop } from "../laptop.ts";

/** A client of the Live API that hides nothing, and holds each frame against the AsyncAPI document. */

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into any frame
export type Frame = Record<string, any> & { type: string };

export interface LiveClient {
  /** 101, or what the handshake was refused with. */
  status: number;
  /** The subprotocol that the server has chosen. */
  protocol: string;
  /** All that have come, oldest first. */
  frames: Frame[];
  /** The events among them. */
  events(): Frame[];
  closed: { code: number; reason: string } | undefined;
  send(frame: object | string): void;
  /** Sends a frame under an id of its own, and gives what answers it. */
  ask(frame: object): Promise<Frame>;
  /** Waits for a frame that was not there when it was called last. */
  next(type: string): Promise<Frame>;
  close(): Promise<void>;
  ws: WebSocket;
}

export interface Handshake {
  token?: string | undefined;
  protocols?: string[];
  query?: string;
  headers?: Record<string, string>;
}

const PATIENCE = 20_000; // ms

/** Asks until there is an answer other than undefined and false. */
export async function until<T>(
  look: () => T | undefined | false,
  what: string,
  patience = PATIENCE,
): Promise<T> {
  for (const end = Date.now() + patience; ; await pause(5)) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) expect.fail(`waited in vain for ${what}`);
  }
}

/** Until it is true; for what has to be asked for. */
export async function eventually(ask: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; !(await ask()); await pause(20)) {
    if (Date.now() > end) expect.fail(`waited in vain for ${what}`);
  }
}

const open = new Set<WebSocket>();
const faults: string[] = [];

/** Ends what a test has left open, and fails if any frame was not as documented. */
export function endClients(): void {
  for (const ws of open) ws.terminate();
  open.clear();
  expect(faults.splice(0)).toEqual([]);
}

/** Shakes hands with a laptop; resolves whatever the answer is. */
export function connect(
  { url }: { url: string },
  { token, protocols = [], query = "", headers = {} }: Handshake,
): Promise<LiveClient> {
  const ws = new WebSocket(`${url.replace("http", "ws")}/live${query}`, protocols, {
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    perMessageDeflate: false,
  });
  open.add(ws);
  let taken = 0;
  const client: LiveClient = {
    status: 0,
    protocol: "",
    frames: [],
    events: () => client.frames.flatMap(({ type, events }) => (type === "events" ? events : [])),
    closed: undefined,
    send: (frame) => ws.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    async ask(frame) {
      const id = newId();
      client.send({ id, ...frame });
      const answers = () => client.frames.find(({ replyTo }) => replyTo === id);
      return until(answers, `an answer to ${JSON.stringify(frame).slice(0, 200)}`);
    },
    async next(type) {
      const at = await until(
        () => {
          const found = client.frames.findIndex((frame, n) => n >= taken && frame.type === type);
          return found >= 0 && found + 1;
        },
        `a frame ${type} after ${JSON.stringify(client.frames.slice(taken))}`,
      );
      taken = at;
      return client.frames[at - 1] as Frame;
    },
    async close() {
      ws.close();
      await until(() => client.closed, "its own end");
    },
    ws,
  };
  ws.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame;
    const fault = frameFault(frame);
    if (fault !== undefined) faults.push(`${fault}: ${data.toString().slice(0, 1_000)}`);
    client.frames.push(frame);
  });
  ws.on("close", (code, reason) => {
    client.closed = { code, reason: reason.toString() };
    open.delete(ws);
  });
  return new Promise((resolve, reject) => {
    ws.on("open", () => {
      client.status = 101;
      client.protocol = ws.protocol;
      resolve(client);
    });
    ws.on("unexpected-response", (_, response) => {
      client.status = response.statusCode ?? 0;
      response.resume();
      ws.terminate();
      resolve(client);
    });
    ws.on("error", reject);
  });
}

export interface Answer {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into any answer
  json: any;
}

export interface As {
  sub?: string;
  scope?: string;
  headers?: Record<string, string>;
}

/** A request to the HTTP API of a laptop. */
export async function send(
  laptop: Pick<RunningLaptop, "url" | "token">,
  method: string,
  path: string,
  body?: unknown,
  { sub = "ana", scope = "admin", headers = {} }: As = {},
): Promise<Answer> {
  const answer = await fetch(laptop.url + path, {
    method,
    headers: {
      authorization: `Bearer ${laptop.token({ sub, scope })}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  const { status } = answer;
  return { status, headers: answer.headers, json: text === "" ? undefined : JSON.parse(text) };
}
