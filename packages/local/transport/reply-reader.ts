/** Reads the replies of one HTTP/1.1 connection (RFC 9112) as far as servers of AWS's protocols send them. */

import { type HttpReply, MAX_REPLY } from "@stockwire/core/aws/http";

export interface ReplyReader {
  /**
   * Takes the bytes from `from` on. Returns the reply that they complete and where it ends; undefined
   * if more are needed. Throws at what is not such a reply.
   */
  read(
    bytes: Buffer,
    from: number,
  ): { reply: HttpReply; end: number; keepsAlive: boolean } | undefined;
  /** The connection has ended. Returns a reply of which the head was read; it is broken. */
  close(cause: Error): HttpReply | undefined;
}

const MAX_HEAD = 64 * 1024; // bytes
const HEAD_END = "\r\n\r\n";
const CLOSE = /(?:^|[\s,])close(?:$|[\s,])/i;
const STATUS_LINE = /^HTTP\/1\.1 (10[023]|[2-5]\d\d)(?: |$)/; // no request asks for 101

interface Head {
  status: number;
  headers: Record<string, string>;
  length: number;
}

export function createReplyReader(): ReplyReader {
  let held: Buffer | undefined; // the start of a head
  let head: Head | undefined;
  let chunks: Buffer[] = [];
  let size = 0; // bytes of the chunks

  return {
    read(bytes, from) {
      let at = from;
      while (head === undefined) {
        const before = held?.length ?? 0;
        const all =
          held === undefined ? bytes.subarray(at) : Buffer.concat([held, bytes.subarray(at)]);
        const end = all.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
        if (end > MAX_HEAD || (end < 0 && all.length > MAX_HEAD)) throw new Error("a long head");
        if (end < 0) {
          held = Buffer.from(all); // `bytes` is used again for what follows
          return undefined;
        }
        const complete = parseHead(all.toString("latin1", 0, end));
        held = undefined;
        at += end + HEAD_END.length - before;
        if (complete.status >= 200) head = complete; // another follows an interim one
      }
      const chunk = Buffer.from(bytes.subarray(at, at + head.length - size));
      size += chunk.length;
      at += chunk.length;
      if (size < head.length) {
        chunks.push(chunk);
        return undefined;
      }
      const { status, headers } = head;
      const body = chunks.length === 0 ? chunk : Buffer.concat([...chunks, chunk]);
      head = undefined;
      chunks = [];
      size = 0;
      const keepsAlive = !CLOSE.test(headers["connection"] ?? "");
      return { reply: { status, headers, body }, end: at, keepsAlive };
    },
    close(broken) {
      if (head === undefined) return undefined;
      const { status, headers } = head;
      return { status, headers, body: Buffer.concat(chunks), broken };
    },
  };
}

function parseHead(text: string): Head {
  const lines = text.split("\r\n");
  const status = Number(STATUS_LINE.exec(lines[0] ?? "")?.[1]);
  if (Number.isNaN(status)) throw new Error("no status");
  const headers: Record<string, string> = {};
  for (let n = 1; n < lines.length; n++) {
    const line = lines[n] ?? "";
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error("not a header");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status, headers, length: lengthOf(status, headers) };
}

/** The bytes of a body: RFC 9112, section 6.3. */
function lengthOf(status: number, headers: Readonly<Record<string, string>>): number {
  if (status < 200 || status === 204 || status === 304) return 0; // its Content-Length is that of another reply
  const length = headers["content-length"] ?? "";
  if ("transfer-encoding" in headers) throw new Error("a coding that is not read");
  if (!/^\d+$/.test(length) || Number(length) > MAX_REPLY) throw new Error("no length");
  return Number(length);
}
