/**
 * The typed client of the HTTP API, for browsers and Node ≥ 20. It repeats only requests that
 * cannot take effect twice: a GET, or one with an `Idempotency-Key`.
 */

import type { Client } from "./api.gen.ts";
import { type Answer, type Fetch, routes } from "./call.ts";
import { MissingCursorError, problemOf } from "./error.ts";
import { randomKey } from "./random-key.ts";
import { backoff, delay, systemTimers, type Timers } from "./timer.ts";

export type * from "./api.gen.ts";
export type { Answer, Call, CallOptions, Fetch } from "./call.ts";
export { MissingCursorError, type ProblemCode, ProblemError } from "./error.ts";

/**
 * A JWT, or a function that gives one. After the server has refused a token, the function gets the
 * refused one: it must not answer with the same token from a cache.
 */
export type Token = string | ((refused?: string) => string | Promise<string>);

export interface ClientOptions {
  /** Where the routes begin: `https://api.example.com`, or with the path of a stage. */
  baseUrl: string;
  token: Token;
  /** Sent as `x-api-key`: the Partner API needs one beside the token. */
  apiKey?: string;
  /** Instead of the runtime's own. */
  fetch?: Fetch;
  /** The `clientRef` of the changes that this client makes: `[A-Za-z0-9._-]{1,64}`. */
  clientRef?: string;
  /** The most retries of one call; 4. */
  retries?: number;
  /** Ms after the start of a call within which its last retry begins; 30 000. */
  retryWithin?: number;
  /** Aborts all calls of this client. */
  signal?: AbortSignal;
  timers?: Timers;
  /** For jitter: 0 ≤ n < 1. */
  random?: () => number;
}

/**
 * Creates the client. `client.products[":id"].$get({ param: { id } })` is `GET /products/{id}`. It adds
 * the bearer token; an `Idempotency-Key` for each POST that has none; retries after 429, 502 to 504
 * and a failed connection, not before `Retry-After`; and, once per call, a fresh token after a 401. A
 * call resolves with the last answer, whatever its status; `unwrap` turns it into a body or an error.
 */
export const createClient = (options: ClientOptions): Client =>
  routes(options.baseUrl.replace(/\/+$/, ""), retryingFetch(options)) as Client;

const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const WAIT = { base: 200, cap: 5_000 }; // ms

function retryingFetch(options: ClientOptions): Fetch {
  const {
    token,
    apiKey,
    clientRef,
    retries = 4,
    retryWithin = 30_000,
    random = Math.random,
  } = options;
  const { fetch = globalThis.fetch, timers = systemTimers } = options;
  const tokenOf = async (refused?: string) => (typeof token === "string" ? token : token(refused));

  return async (url, init) => {
    const headers = new Headers(init.headers);
    const { method } = init;
    if (apiKey !== undefined) headers.set("X-Api-Key", apiKey);
    if (clientRef !== undefined && !headers.has("X-Client-Ref")) {
      headers.set("X-Client-Ref", clientRef);
    }
    // One key for all tries of this call: the server then carries it out once.
    if (method === "POST" && !headers.has("Idempotency-Key")) {
      headers.set("Idempotency-Key", randomKey());
    }
    const repeatable = method === "GET" || headers.has("Idempotency-Key");
    const signal = anyOf(options.signal, init.signal ?? undefined);
    const latest = timers.now() + retryWithin;
    let bearer = await tokenOf();
    let refreshed = typeof token === "string"; // nothing to ask for a fresh one

    for (let attempt = 1; ;) {
      headers.set("Authorization", `Bearer ${bearer}`);
      const request = { ...init, headers, ...(signal && { signal }) };
      const outcome = await outcomeOf(() => fetch(url, request));
      if (outcome.response?.status === 401 && !refreshed) {
        refreshed = true;
        await outcome.response.body?.cancel(); // frees the connection
        bearer = await tokenOf(bearer);
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

const outcomeOf = (send: () => Promise<Response>): Promise<Outcome> =>
  send().then(
    (response) => ({ response }),
    (error: unknown) => ({ error }),
  );

const anyOf = (one: AbortSignal | undefined, other: AbortSignal | undefined) =>
  one && other ? AbortSignal.any([one, other]) : (one ?? other);

/** Ms before the next try; undefined if another try cannot succeed. */
async function pauseAfter({ response }: Outcome, wait: number, timers: Timers) {
  if (response === undefined) return wait;
  if (!TRANSIENT.has(response.status)) return undefined;
  if (response.status === 429) {
    const { code } = await problemOf(response.clone());
    if (code === "quota_exceeded") return undefined; // until the end of the month
  }
  const after = response.headers.get("Retry-After");
  if (after === null) return wait;
  const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - timers.now();
  return Number.isNaN(ms) ? wait : Math.max(ms, 0) + wait; // so that not all clients return together
}

/** Parses the body of a 2xx answer; `null` if it is empty. Throws `ProblemError` for any other. */
export async function unwrap<T>(answer: Answer<T> | Promise<Answer<T>>): Promise<T> {
  const response = await answer;
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === "" ? null : JSON.parse(text)) as T;
}

interface ListPage<T> {
  items: T[];
  nextToken: string | null;
}

/** All records of a list, and the cursor to subscribe from. */
export interface Snapshot<T> {
  records: T[];
  cursor: string;
}

interface PageQuery {
  nextToken?: string;
  limit: string;
}

/**
 * Returns a function that reads all pages of a list, for the `load` of a collection:
 * `pages((query) => client.products.$get({ query }))`. Throws `ProblemError`, `MissingCursorError`.
 */
export const pages =
  <T>(get: (query: PageQuery, signal?: AbortSignal) => Promise<Answer<ListPage<T>>>) =>
  async (signal?: AbortSignal): Promise<Snapshot<T>> => {
    const records: T[] = [];
    let cursor: string | null = null;
    let nextToken: string | null = null;
    do {
      const query: PageQuery = { limit: "100", ...(nextToken !== null && { nextToken }) };
      const response: Answer<ListPage<T>> = await get(query, signal);
      // The first page's cursor: a record that changes while later pages are read comes after it.
      cursor ??= response.headers.get("Feed-Cursor");
      const page: ListPage<T> = await unwrap(response);
      records.push(...page.items);
      nextToken = page.nextToken;
    } while (nextToken !== null);
    if (cursor === null) throw new MissingCursorError("the list has no Feed-Cursor");
    return { records, cursor };
  };
