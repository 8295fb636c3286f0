import { hc } from "hono/client";
import type { ClientResponse } from "hono/client";
import type { App } from "@stockwire/functions/api/app";
import { backoff } from "./backoff.ts";
import { MissingCursorError, problemOf } from "./problem.ts";
import { delay, systemTimers, type Timers } from "./timers.ts";
import { type Token, tokenOf } from "./token.ts";

export { MissingCursorError, type ProblemCode, ProblemError } from "./problem.ts";
export type { Token } from "./token.ts";

export interface ClientOptions {
  baseUrl: string;
  token: Token;
  fetch?: typeof globalThis.fetch;
  /** Comes back in `clientRef` of the changes that this client makes: `[A-Za-z0-9._-]{1,64}`. */
  clientRef?: string;
  /** Tries after the first of one call; 4. */
  retries?: number;
  /** Ms within which the last try of one call starts; 30 000. */
  retryWithin?: number;
  /** Ends all calls of this client. */
  signal?: AbortSignal;
  timers?: Timers;
  /** Of jitter: 0 ≤ n < 1. */
  random?: () => number;
}

export type Client = ReturnType<typeof hc<App>>;

/**
 * Hono's typed client. It signs in; gives each POST an `Idempotency-Key` (a caller's own wins);
 * tries a GET, and a request with a key, again after 429, 502–504 and a failed connection, as late as
 * `Retry-After` says; and asks for a fresh token after a 401, once a call.
 */
export const createClient = (options: ClientOptions): Client =>
  hc<App>(options.baseUrl, { fetch: sender(options) });

const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const WAIT = { base: 200, cap: 5_000 }; // ms

function sender(options: ClientOptions): typeof globalThis.fetch {
  const { token, clientRef, retries = 4, retryWithin = 30_000, random = Math.random } = options;
  const { fetch = globalThis.fetch, timers = systemTimers } = options;

  return async (url, init = {}) => {
    const headers = new Headers(init.headers);
    const method = (init.method ?? "GET").toUpperCase();
    if (clientRef !== undefined) headers.set("X-Client-Ref", clientRef);
    if (method === "POST" && !headers.has("Idempotency-Key")) {
      headers.set("Idempotency-Key", crypto.randomUUID());
    }
    const repeatable = method === "GET" || headers.has("Idempotency-Key");
    const signal = eitherOf(options.signal, init.signal ?? undefined);
    const latest = timers.now() + retryWithin;
    let bearer = await tokenOf(token);
    let refreshed = typeof token === "string";

    for (let attempt = 1; ;) {
      headers.set("Authorization", `Bearer ${bearer}`);
      const request = { ...init, headers, ...(signal && { signal }) };
      const outcome = await attemptTo(() => fetch(url, request));
      if (outcome.response?.status === 401 && !refreshed) {
        refreshed = true;
        await outcome.response.body?.cancel();
        bearer = await tokenOf(token, bearer);
        continue;
      }
      const wait = backoff(attempt, { ...WAIT, random });
      const pause =
        repeatable && attempt <= retries ? await pauseAfter(outcome, wait, timers) : undefined;
      if (pause === undefined || timers.now() + pause > latest || signal?.aborted) {
        if (outcome.response) return outcome.response;
        throw outcome.error;
      }
      await outcome.response?.body?.cancel();
      await delay(pause, timers, signal);
      attempt++;
    }
  };
}

interface Outcome {
  response?: Response;
  error?: unknown;
}

const attemptTo = (send: () => Promise<Response>): Promise<Outcome> =>
  send().then(
    (response) => ({ response }),
    (error: unknown) => ({ error }),
  );

const eitherOf = (one: AbortSignal | undefined, other: AbortSignal | undefined) =>
  one && other ? AbortSignal.any([one, other]) : (one ?? other);

/** Ms until another try makes sense; undefined if none does. */
async function pauseAfter({ response }: Outcome, wait: number, timers: Timers) {
  if (response === undefined) return wait;
  if (!TRANSIENT.has(response.status)) return undefined;
  if (response.status === 429) {
    const { code } = await problemOf(response.clone());
    if (code === "quota_exceeded") return undefined; // it stays so for the rest of the month
  }
  const after = response.headers.get("Retry-After");
  if (after === null) return wait;
  const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - timers.now();
  return Number.isNaN(ms) ? wait : Math.max(ms, 0) + wait; // not all at the same moment
}

type Success = 200 | 201 | 202 | 203 | 204 | 205 | 206 | 207;
/** The body of the 2xx among what a route answers. */
type Body<R> = R extends ClientResponse<infer T, infer S> ? (S extends Success ? T : never) : never;

/** The parsed body of a 2xx, `null` if it has none. Throws `ProblemError` for any other answer. */
export async function unwrap<R extends ClientResponse<unknown>>(
  answer: R | Promise<R>,
): Promise<Body<R>> {
  const response = await answer;
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? null : JSON.parse(text)) as Body<R>;
}

interface ListPage<T> {
  items: T[];
  nextToken: string | null;
}

/** All records of a list, and the position to subscribe from. */
export interface Snapshot<T> {
  records: T[];
  cursor: string;
}

type Pageable = { nextToken?: string; limit?: string };

/**
 * Walks a list from its first page to its last, as `collection` loads it:
 * `pages((query) => client.products.$get({ query }))`. Throws `ProblemError`, `MissingCursorError`.
 */
export const pages =
  <R extends ClientResponse<unknown>>(get: (query: Pageable) => Promise<R>) =>
  async (): Promise<Snapshot<Body<R> extends ListPage<infer T> ? T : never>> => {
    type Item = Body<R> extends ListPage<infer T> ? T : never;
    const records: Item[] = [];
    let cursor: string | null = null;
    let nextToken: string | null = null;
    do {
      const response: R = await get({ limit: "100", ...(nextToken !== null && { nextToken }) });
      // What changes during the walk comes after the first page's position.
      cursor ??= response.headers.get("Feed-Cursor");
      const page = (await unwrap(response)) as ListPage<Item>;
      records.push(...page.items);
      nextToken = page.nextToken;
    } while (nextToken !== null);
    if (cursor === null) throw new MissingCursorError("the list has no Feed-Cursor");
    return { records, cursor };
  };
