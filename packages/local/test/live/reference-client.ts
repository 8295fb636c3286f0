/**
 * A client of the Live API without our library. It follows only the rule for resuming in
 * docs/contract.md: keep the last cursor of a frame that has one, subscribe again from it to move it
 * on, and drop a change whose version is not newer than the one that is known.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { WebSocket } from "ws";

interface Frame {
  type: string;
  cursor?: string;
  events?: { id: string; version: number; op: string }[];
}

export interface ReferenceClient {
  /** The newest known version of each record, and whether it exists. */
  versions: Map<string, { version: number; exists: boolean }>;
  resets: number;
  cut(): void;
  stop(): void;
}

/** Follows a topic after a cursor. `open` opens a WebSocket, and is called after each cut. */
export function follow(open: () => WebSocket, topic: string, since: string): ReferenceClient {
  let cursor = since;
  let ws: WebSocket | undefined;
  let stopped = false;
  const end = () => ws?.terminate();
  const client: ReferenceClient = {
    versions: new Map(),
    resets: 0,
    cut: end,
    stop: () => ((stopped = true), end()),
  };
  const receive = (frame: Frame) => {
    for (const { id, version, op } of frame.events ?? []) {
      if (version <= (client.versions.get(id)?.version ?? 0)) continue;
      client.versions.set(id, { version, exists: op !== "delete" });
    }
    if (frame.type === "reset") client.resets++; // here a client reads the records again
    cursor = frame.cursor ?? cursor;
  };
  const connect = async () => {
    const socket = (ws = open());
    const subscribe = () =>
      socket.send(JSON.stringify({ action: "subscribe", topics: [topic], since: cursor }));
    const repeat = setInterval(() => socket.readyState === socket.OPEN && subscribe(), 1_000);
    socket.on("open", subscribe);
    socket.on("message", (data: Buffer) => receive(JSON.parse(data.toString()) as Frame));
    socket.on("error", () => undefined); // "close" follows
    await new Promise((resolve) => socket.on("close", resolve));
    clearInterval(repeat);
  };
  void (async () => {
    for (; !stopped; await pause(50)) await connect();
  })();
  return client;
}
