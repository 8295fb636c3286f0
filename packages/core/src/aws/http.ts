/**
 * One HTTP request to AWS and its whole reply, on connections that are kept alive. Every request ends:
 * with the reply, or with an error that has the names and codes of the SDK's HTTP handler, so that
 * rules for repetitions are the same for both.
 */

import type * as Http from "node:http";
import type * as Https from "node:https";

export interface HttpRequest {
  method: string;
  /** Encoded. */
  path: string;
  headers: Readonly<Record<string, string | number>>;
  body: string;
  /** Ms without a reply, and then without more of it, after which the request fails. */
  timeout: number;
  abortSignal?: AbortSignal | undefined;
}

export interface HttpReply {
  status: number;
  /** By lower-case name. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  body: Buffer;
  /** The reply ended before its announced length, or is endless. */
  broken?: Error;
}

export interface Transport {
  /** Rejects with a `TimeoutError`, an `AbortError`, or an error with a network code. */
  send(request: HttpRequest): Promise<HttpReply>;
  close(): void;
}

export const CONNECTION_TIMEOUT = 1_000; // ms
/** Codes that the SDK calls a TimeoutError. */
const TIMEOUT_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);
/**
 * Bytes of a reply. DynamoDB returns up to 16 MB of items; as JSON, with the type of each attribute,
 * they are a few times larger.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
 */
export const MAX_REPLY = 128 * 1024 * 1024;

/** Opens up to `maxSockets` connections to an endpoint; further requests wait for one. */
export function openTransport(endpoint: URL, maxSockets: number): Transport {
  // Not imported: an import of node:http loads all of fetch as well, a fifth of a cold start.
  // https://github.com/nodejs/node/issues/59686
  const secure = endpoint.protocol === "https:";
  const { Agent, request: open }: typeof Http | typeof Https = process.getBuiltinModule(
    secure ? "node:https" : "node:http",
  );
  const agent = new Agent({ keepAlive: true, maxSockets });
  const { port } = endpoint;
  const hostname = endpoint.hostname.replace(/^\[|\]$/g, ""); // of an IPv6 address
  const target = { agent, hostname, port };
  const send = ({ method, path, headers, body, timeout, abortSignal }: HttpRequest) =>
    new Promise<HttpReply>((resolve, reject) => {
      if (abortSignal?.aborted) {
        reject(aborted());
        return;
      }
      const request = open({ ...target, method, path, headers }, (response) => {
        timer.refresh();
        collect(response, timer).then(finish(resolve), finish(reject));
      });
      const fail = (error: Error) => {
        finish(reject)(error);
        request.destroy();
      };
      const onAbort = () => fail(aborted());
      const finish =
        <T>(settle: (outcome: T) => void) =>
        (outcome: T) => {
          clearTimeout(timer);
          clearTimeout(connecting);
          abortSignal?.removeEventListener("abort", onAbort);
          settle(outcome);
        };
      const timer = setTimeout(() => fail(timedOut(timeout)), timeout);
      let connecting: ReturnType<typeof setTimeout> | undefined;
      request.on("socket", (socket) => {
        if (!socket.connecting) return;
        connecting = setTimeout(
          () => fail(named("TimeoutError", `no connection in ${CONNECTION_TIMEOUT} ms`)),
          CONNECTION_TIMEOUT,
        );
        socket.once("connect", () => clearTimeout(connecting));
      });
      request.on("error", (error: NodeJS.ErrnoException) => finish(reject)(networkError(error)));
      abortSignal?.addEventListener("abort", onAbort, { once: true });
      request.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Reads a reply. A reply that breaks off is not rejected, because its head may matter. */
function collect(
  response: Http.IncomingMessage,
  timer: { refresh(): unknown },
): Promise<HttpReply> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const end = (broken?: Error) =>
      resolve({ status, headers, body: Buffer.concat(chunks), ...(broken && { broken }) });
    response.on("data", (chunk: Buffer) => {
      timer.refresh();
      size += chunk.length;
      if (size > MAX_REPLY) response.destroy(new Error(`a reply of over ${MAX_REPLY} bytes`));
      else chunks.push(chunk);
    });
    response.on("error", end);
    response.on("end", () => end());
  });
}

export const named = (name: string, message: string, members = {}) =>
  Object.assign(new Error(message), { name, ...members });

export const timedOut = (timeout: number) =>
  named("TimeoutError", `no reply in ${timeout} ms`, { code: "ETIMEDOUT" });

/** An error of a socket, with the name that the SDK gives it. */
export function networkError(error: NodeJS.ErrnoException): Error {
  if (TIMEOUT_CODES.has(error.code ?? "")) error.name = "TimeoutError";
  return error;
}

export const aborted = () => named("AbortError", "the call was aborted");
