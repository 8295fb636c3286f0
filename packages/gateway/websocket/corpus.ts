import { readFileSync } from "node:fs";

/** Frames and handshakes that clients should not send, for tests. */

/** One frame of the corpus: `p` is text, `n` a length, `len` the form of the length field. */
export interface CorpusFrame {
  op?: number;
  fin?: 0 | 1;
  rsv?: number;
  mask?: 0;
  len?: "16" | "64";
  p?: string;
  hex?: string;
  n?: number;
  raw?: string;
  repeat?: number;
  drip?: boolean;
}

export interface Item {
  id: string;
  f: CorpusFrame[];
  expect: "close" | "alive" | "pong" | "any";
  codes?: number[];
  deflate?: boolean;
}

/** A handshake; headers that are null are left out, `auth` is a way to have no right to it. */
export interface Handshake {
  id: string;
  auth?: "none" | "expired" | "algnone" | "cookie";
  h?: Record<string, string | null>;
  path?: string;
  version?: string;
  expect: "accept" | "refuse" | "any";
}

const CORPUS = new URL("../test/corpora/ws-frames.json", import.meta.url);
export const { items, handshakes } = JSON.parse(readFileSync(CORPUS, "utf8")) as {
  items: Item[];
  handshakes: Handshake[];
};
const MASK = Buffer.from("a1b2c3d4", "hex");

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

/** The frames that a server sent after the handshake. */
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

/** 1005 for a close frame without a status. */
export const statusOf = (payload: Buffer): number =>
  payload.length < 2 ? 1005 : payload.readUInt16BE(0);
