/**
 * The transport for hosts that have `fetch` and no sockets of their own, such as workerd. Every
 * request ends, as with http.ts; but `fetch` does not say whether a request that failed was sent, so
 * each one may have been.
 * https://fetch.spec.whatwg.org/#http-network-fetch
 */

import {
  aborted,
  type HttpReply,
  type HttpRequest,
  MAX_REPLY,
  named,
  timedOut,
  type Transport,
} from "./http.ts";

/** Opens a transport. The host limits its connections; nothing has to be closed. */
export const openFetchTransport = (endpoint: URL): Transport => ({
  send: (request) => send(endpoint, request),
  close: () => undefined,
});

async function send(
  endpoint: URL,
  { method, path, headers: given, body, timeout, abortSignal }: HttpRequest,
): Promise<HttpReply> {
  if (abortSignal?.aborted) throw aborted();
  const controller = new AbortController();
  const fail = (error: Error) => controller.abort(error);
  const timer = createTimer(timeout, () => fail(timedOut(timeout)));
  const onAbort = () => fail(aborted());
  abortSignal?.addEventListener("abort", onAbort, { once: true });
  try {
    const response = await fetch(new URL(path, endpoint), {
      method,
      headers: headersOf(given),
      ...(method === "POST" && { body }),
      redirect: "manual", // "error" does not exist everywhere
      signal: controller.signal,
    }).catch((error: unknown) => {
      throw failureOf(controller.signal, error);
    });
    timer.refresh();
    const { status, headers } = response;
    const head = { status, headers: Object.fromEntries(headers.entries()) };
    const { chunks, broken } = await collect(response, () => timer.refresh(), controller.signal);
    return { ...head, body: Buffer.concat(chunks), ...(broken && { broken }) };
  } finally {
    timer.clear();
    abortSignal?.removeEventListener("abort", onAbort);
  }
}

/** `fetch` sets host and length. A reply that it decodes would not match its checksum. */
const headersOf = (given: HttpRequest["headers"]): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(given)
      .filter(([name]) => name !== "host" && name !== "content-length")
      .map(([name, value]) => [name, String(value)]),
  ),
  "accept-encoding": "identity",
});

/** The error of our own time-out or abort, or one with a network code, which retry.ts knows. */
function failureOf({ aborted: isOurs, reason }: AbortSignal, cause: unknown): Error {
  return isOurs && reason instanceof Error
    ? reason
    : named("NetworkError", "fetch failed", { code: "ENETWORK", cause });
}

/** Reads a reply. Rejects at a time-out; a reply that breaks off is not rejected. */
async function collect(
  { body }: Response,
  onChunk: () => void,
  signal: AbortSignal,
): Promise<{ chunks: Uint8Array[]; broken?: Error }> {
  const chunks: Uint8Array[] = [];
  const reader = body?.getReader();
  let size = 0;
  try {
    for (;;) {
      const next = await reader?.read();
      if (next === undefined || next.done) return { chunks };
      onChunk();
      size += next.value.length;
      if (size > MAX_REPLY) throw new Error(`a reply of over ${MAX_REPLY} bytes`);
      chunks.push(next.value);
    }
  } catch (error) {
    if (signal.aborted) throw failureOf(signal, error);
    await reader?.cancel().catch(() => undefined);
    return { chunks, broken: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** A timer that can be started again; `refresh` of setTimeout's result is Node's own. */
function createTimer(ms: number, run: () => void) {
  let timer = setTimeout(run, ms);
  return {
    refresh() {
      clearTimeout(timer);
      timer = setTimeout(run, ms);
    },
    clear: () => clearTimeout(timer),
  };
}
