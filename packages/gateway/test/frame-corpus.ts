/** Frames and handshakes that clients must not send, and helpers to write and read frames. */

import { readFileSync } from "node:fs";

/** One frame of the corpus. All members are optional: an empty one is a valid empty frame. */
export interface CorpusFrame {
  op?: number;
  fin?: 0 | 1;
  rsv?: number;
  mask?: 0;
  /** The size of the length field in bits, if it is not the shortest possible. */
  len?: "16" | "64";
  /** The payload as text, in hexadecimal, or as a number of bytes. */
  p?: string;
  hex?: string;
  n?: number;
  /** The whole frame in hexadecimal. */
  raw?: string;
  repeat?: number;
  /** Send every byte on its own. */
  drip?: boolean;
}

/** Frames to send, and what must become of the connection. */
export interface Item {
  id: string;
  f: CorpusFrame[];
  expect: "close" | "alive" | "pong" | "any";
  codes?: number[];
  deflate?: boolean;
}

/** A handshake; headers that are null are omitted. */
export interface Handshake {
  id: string;
  /** The kind of invalid credential that it carries; absent for a valid one. */
  auth?: "none" | "expired" | "algnone" | "cookie";
  h?: Record<string, string | null>;
  path?: string;
  version?: string;
  expect: "accept" | "refuse" | "any";
}

const CORPUS = new URL("./corpora/ws-frames.json", import.meta.url);
export const { items, handshakes } = JSON.parse(readFileSync(CORPUS, "utf8")) as {
  items: Item[];
  handshakes: Handshake[];
};
const MASK = Buffer.from("a1b2c3d4", "hex");

/** The bytes of a frame as a client sends it. */
export function bytesOf(frame: CorpusFrame): Buffer {
  if (frame.raw !== undefined) return Buffer.from(frame.raw, "hex");
  const payload =
    frame.n === undefined
      ? Buffer.from(frame.hex ?? frame.p ?? "", frame.hex === undefined ? "utf8" : "hex")
      : Buffer.alloc(frame.n, "x");
  const masked = frame.mask !== 0;
  const { length } = payload;
  const form = frame.len ?? (length < 126 ? "7" : length < 65_536 ? "16" : "64");
  const size = Buffer.alloc({ "7": 1, "16": 3, "64": 9 }[form]);
  if (form === "16") size.writeUInt16BE(length, 1);
  if (form === "64") size.writeBigUInt64BE(BigInt(length), 1);
  size[0] = (masked ? 0x80 : 0) | { "7": length, "16": 126, "64": 127 }[form];
  const first = ((frame.fin ?? 1) << 7) | ((frame.rsv ?? 0) << 4) | (frame.op ?? 0);
  if (masked)
    for (let at = 0; at < length; at++) payload[at] = (payload[at] ?? 0) ^ (MASK[at % 4] ?? 0);
  return Buffer.concat([Buffer.from([first]), size, masked ? MASK : Buffer.alloc(0), payload]);
}

/** The complete frames that a server has sent after its response to the handshake. */
export function framesOf(received: Buffer): { op: number; payload: Buffer }[] {
  const frames: { op: number; payload: Buffer }[] = [];
  let at = received.indexOf("\r\n\r\n") + 4;
  while (at + 2 <= received.length) {
    const short = (received[at + 1] ?? 0) & 0x7f;
    const offset = { 126: 4, 127: 10 }[short] ?? 2;
    if (at + offset > received.length) break;
    const length = short === 126 ? received.readUInt16BE(at + 2) : short;
    frames.push({
      op: (received[at] ?? 0) & 0x0f,
      payload: received.subarray(at + offset, at + offset + length),
    });
    at += offset + length;
  }
  return frames;
}

/** The status code in the payload of a close frame; 1005 if it has none. */
export const statusOf = (payload: Buffer): number =>
  payload.length < 2 ? 1005 : payload.readUInt16BE(0);
