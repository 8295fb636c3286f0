/**
 * A client of the Live API without our library. It follows only docs/contract.md: keep the last cursor
 * that a frame or a read has, subscribe again from it, drop a change whose version is not newer.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { WebSocket } from "ws";

type Known = { id: string; version: number; op?: string };
type Frame = { type: string; cursor?: string; events?: Known[] };

/** Follows a topic. `open` opens a WebSocket; `read` reads all records, with their `Feed-Cursor`. */
export function follow(
  open: () => WebSocket,
  read: () => Promise<{ records: Known[]; cursor: string }>,
  topic: string,
  cursor: string,
) {
  let ws: WebSocket | undefined;
  let stopped = false;
  const cut = () => ws?.terminate();
  const stop = () => ((stopped = true), cut());
  /** The newest known version of each record, and whether it exists. */
  const versions = new Map<string, { version: number; exists: boolean }>();
  const client = { versions, resets: 0, cut, stop };
  const learn = ({ id, version, op }: Known) => {
    if (version <= (versions.get(id)?.version ?? 0)) return;
    versions.set(id, { version, exists: op !== "delete" });
  };
  const receive = (frame: Frame) => {
    frame.events?.forEach(learn);
    cursor = frame.cursor ?? cursor;
    if (frame.type === "reset") void readAgain();
  };
  const readAgain = async (): Promise<void> => {
    versions.clear(); // after a restore the versions from before say nothing
    client.resets++;
    const answer = await read().catch(() => pause(100));
    if (answer === undefined) return stopped ? undefined : readAgain();
    answer.records.forEach(learn);
    cursor = answer.cursor;
  };
  const connect = async () => {
    const socket = (ws = open());
    const frame = () => JSON.stringify({ action: "subscribe", topics: [topic], since: cursor });
    const subscribe = () => socket.readyState === socket.OPEN && socket.send(frame());
    const repeat = setInterval(subscribe, 1_000);
    socket.on("open", subscribe).on("error", () => undefined); // "close" follows an error
    socket.on("message", (data: Buffer) => receive(JSON.parse(data.toString()) as Frame));
    await new Promise((resolve) => socket.on("close", resolve));
    clearInterval(repeat);
  };
  const run = async () => {
    for (; !stopped; await pause(50)) await connect();
  };
  void run();
  return client;
}

export type ReferenceClient = ReturnType<typeof follow>;
