/** An HTTP/1.1 client that sends every byte as given, for requests that no library would send. */

import { connect } from "node:net";

/** A request. Target and headers are sent without any normalisation. */
export interface RawRequest {
  method: string;
  target: string;
  headers?: readonly (readonly [name: string, value: string])[];
  body?: Buffer | undefined;
}

/** A response as it was received. */
export interface RawResponse {
  status: number;
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
  /** `cut`: the connection ended before the body did. */
  ended?: "complete" | "cut";
  /** With `partial`: bytes of the body that had arrived, and the ms since the request was sent. */
  arrivals?: readonly { bytes: number; ms: number }[];
}

const TIMEOUT = 15_000; // milliseconds

/** Sends a request on a new connection. Adds Host and Content-Length unless they are given. */
export function request(
  port: number,
  { method, target, headers = [], body }: RawRequest,
  options: { partial?: boolean } = {},
): Promise<RawResponse> {
  const has = (name: string) => headers.some(([given]) => given.toLowerCase() === name);
  const own: [string, string][] = [];
  if (!has("host")) own.push(["Host", `localhost:${port}`]);
  if (body && !has("content-length") && !has("transfer-encoding")) {
    own.push(["Content-Length", String(body.length)]);
  }
  const lines = [...own, ...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "utf8");
  const bytes = body ? Buffer.concat([head, body]) : head;
  return exchange(port, bytes, { ...options, headOnly: method === "HEAD" });
}

/**
 * Sends bytes and reads one response. Rejects if the connection ends before it is complete, unless
 * `partial` accepts a body that was cut off.
 */
export function exchange(
  port: number,
  bytes: Buffer | string,
  { headOnly = false, partial = false }: { headOnly?: boolean; partial?: boolean } = {},
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const startedAt = performance.now();
    const arrivals: { bytes: number; ms: number }[] = [];
    let received = Buffer.alloc(0);
    const finish = (ended: boolean) => {
      const parsed = parseResponse(received, ended, { headOnly, partial });
      const response = parsed && { ...parsed, arrivals };
      if (response) resolve(response);
      else if (ended) reject(new Error(`the connection ended after ${received.length} bytes`));
      if (response || ended) socket.destroy();
    };
    socket.setTimeout(TIMEOUT, () => {
      reject(new Error("no response in time"));
      socket.destroy();
    });
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (partial) {
        const { body } = parseResponse(received, true, { headOnly, partial }) ?? {};
        arrivals.push({ bytes: body?.length ?? 0, ms: performance.now() - startedAt });
      }
      finish(false);
    });
    socket.on("end", () => finish(true));
    // The server may respond and close while a long body is still being sent.
    socket.on("error", () => finish(true));
    socket.write(bytes);
  });
}

function parseResponse(
  received: Buffer,
  ended: boolean,
  options: { headOnly: boolean; partial: boolean },
): Omit<RawResponse, "arrivals"> | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  const rest = received.subarray(end + 4);
  if (status === 100) return parseResponse(rest, ended, options);
  const { headOnly, partial } = options;
  const isCut = ended && partial;
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const find = (name: string) => headers.find(([given]) => given.toLowerCase() === name)?.[1];
  const length = find("content-length");
  if (headOnly || status === 204 || status === 304)
    return { status, headers, body: Buffer.alloc(0), ended: "complete" };
  if (find("transfer-encoding") === "chunked") {
    const { body, complete } = dechunk(rest);
    if (!complete && !isCut) return undefined;
    return { status, headers, body, ended: complete ? "complete" : "cut" };
  }
  if (length === undefined) {
    return ended ? { status, headers, body: rest, ended: "complete" } : undefined;
  }
  const isComplete = rest.length >= Number(length);
  if (!isComplete && !isCut) return undefined;
  const body = rest.subarray(0, Number(length));
  return { status, headers, body, ended: isComplete ? "complete" : "cut" };
}

/** The payload of whole chunks, and whether the last chunk has arrived. */
function dechunk(bytes: Buffer): { body: Buffer; complete: boolean } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { body: Buffer.concat(chunks), complete: false };
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (size === 0) return { body: Buffer.concat(chunks), complete: true };
    at = lineEnd + 2 + size + 2;
    if (at > bytes.length) return { body: Buffer.concat(chunks), complete: false };
    chunks.push(bytes.subarray(lineEnd + 2, at - 2));
  }
}
