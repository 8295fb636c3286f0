/** The clients of sections live and idle. */

import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { serve } from "../child.ts";

export interface Opening {
  url: string;
  tokens: string[]; // one per connection
  topic: string;
}

export interface Polling {
  url: string;
  token: string;
  every: number; // ms
}

export interface Streaming {
  url: string;
  token: string;
}

/** The times at which frames of a written record arrived, in ms of the monotonic clock. */
export type Arrivals = [name: string, times: number[]][];

const PARALLEL = 20;

let arrivals = new Map<string, number[]>();

const now = () => Number(process.hrtime.bigint()) / 1e6;

const namesIn = (text: string) => text.matchAll(/"name":"([^"]+)"/g);

function arrived(name: string, at: number): void {
  const known = arrivals.get(name);
  if (known) known.push(at);
  else arrivals.set(name, [at]);
}

async function connect({ url, topic }: Opening, token: string): Promise<void> {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  await once(socket, "open");
  socket.send(JSON.stringify({ action: "subscribe", topics: [topic] }));
  const [frame] = (await once(socket, "message")) as [Buffer];
  if (!String(frame).startsWith('{"type":"subscribed"')) throw new Error(String(frame));
  socket.on("message", (message: Buffer) => {
    const at = now();
    for (const [, name = ""] of namesIn(message.toString("latin1"))) arrived(name, at);
  });
}

/** Opens connections. Resolves to the ms that each took, including its subscription. */
async function open(opening: Opening): Promise<number[]> {
  const times: number[] = [];
  const tokens = opening.tokens.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const token of tokens) {
        const began = now();
        await connect(opening, token);
        times.push(now() - began);
      }
    }),
  );
  return times;
}

let polling = new AbortController();

/** Polls a list until `endPoll`, and records when each name is seen first. */
async function poll({ url, token, every }: Polling): Promise<void> {
  const seen = new Set<string>();
  polling = new AbortController();
  const { signal } = polling;
  while (!signal.aborted) {
    const began = now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    const text = await response.text();
    const at = now();
    for (const [, name = ""] of namesIn(text)) {
      if (!seen.has(name)) arrived(name, at);
      seen.add(name);
    }
    await pause(Math.max(0, every - (now() - began)));
  }
}

/** Reads a stream of server-sent events to its end. Resolves when it has begun. */
async function stream({ url, token }: Streaming): Promise<void> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (response.status !== 200 || !response.body) throw new Error(`stream: ${response.status}`);
  const chunks = response.body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  await chunks.next();
  const read = async () => {
    let text = "";
    for await (const chunk of chunks) {
      const at = now();
      text += chunk;
      const end = text.lastIndexOf("\n\n"); // of an event
      for (const [, name = ""] of namesIn(text.slice(0, Math.max(0, end)))) arrived(name, at);
      text = text.slice(Math.max(0, end));
    }
  };
  void read();
}

function take(): Arrivals {
  const taken = [...arrivals];
  arrivals = new Map();
  return taken;
}

serve({
  open,
  poll,
  endPoll: () => polling.abort(),
  stream,
  take,
  count: () => arrivals.values().reduce((sum, { length }) => sum + length, 0),
});
