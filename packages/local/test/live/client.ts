/** A bare client of the Live API that shows all frames, and checks each against the AsyncAPI document. */

import { newId } from "@stockwire/core/id";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { WebSocket } from "ws";
import { frameFault } from "../../../functions/test/asyncapi.ts";
import type { RunningLaptop } from "../laptop.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- tests read any frame
export type Frame = Record<string, any> & { type: string };

export interface LiveClient {
  /** The status of the handshake; 101 if it was accepted. */
  status: number;
  /** The subprotocol that the server has chosen. */
  protocol: string;
  /** All received frames, oldest first. */
  frames: Frame[];
  /** The changes in the received `events` frames. */
  changes(): Frame[];
  closed: { code: number; reason: string } | undefined;
  send(frame: object | string): void;
  /** Sends a frame with a new id, and resolves with the frame that replies to it. */
  request(frame: object): Promise<Frame>;
  /** Resolves with the next frame of this type after the last one that this function returned. */
  next(type: string): Promise<Frame>;
  close(): Promise<void>;
  ws: WebSocket;
}

/** What a handshake sends. */
export interface Handshake {
  token?: string | undefined;
  protocols?: string[];
  query?: string;
  headers?: Record<string, string>;
}

const TIMEOUT = 20_000; // ms

/** Calls `look` until it returns a value other than undefined and false. Fails after the timeout. */
export async function until<T>(
  look: () => T | undefined | false,
  what: string,
  timeout = TIMEOUT,
): Promise<T> {
  for (const end = Date.now() + timeout; ; await pause(5)) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) expect.fail(`timed out waiting for ${what}`);
  }
}

/** Calls an asynchronous check until it resolves with true. Fails after the timeout. */
export async function eventually(check: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + TIMEOUT; !(await check()); await pause(20)) {
    if (Date.now() > end) expect.fail(`timed out waiting for ${what}`);
  }
}

const open = new Set<WebSocket>();
const faults: string[] = [];

/** Ends all open connections, and fails if a received frame differs from the document. */
export function closeClients(): void {
  for (const ws of open) ws.terminate();
  open.clear();
  expect(faults.splice(0)).toEqual([]);
}

/** Opens a connection to a laptop. Resolves also if the handshake is refused. */
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
    changes: () => client.frames.flatMap(({ type, events }) => (type === "events" ? events : [])),
    closed: undefined,
    send: (frame) => ws.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    async request(frame) {
      const id = newId();
      client.send({ id, ...frame });
      const text = JSON.stringify(frame).slice(0, 200);
      const answer = () => client.frames.find(({ replyTo }) => replyTo === id);
      const end = await until(() => answer() ?? client.closed, `an answer to ${text}`);
      if (!("type" in end)) throw new Error(`closed with ${end.code} before an answer to ${text}`);
      return end;
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
      await until(() => client.closed, "the connection to close");
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
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read any answer
  json: any;
}

export interface As {
  sub?: string;
  scope?: string;
  headers?: Record<string, string>;
}

/** Sends a request to the HTTP API of a laptop. */
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
