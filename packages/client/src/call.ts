/** The form of a call of the HTTP client: the types of `api.gen.ts` are made of it. */

declare const body: unique symbol;

/** An answer whose body has this type if its status is 2xx: `unwrap` gives it. */
export interface Answer<T> extends Response {
  readonly [body]?: T;
}

/** What a call needs: values of the path, of the query, and a body. */
interface Input {
  param?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  json?: unknown;
}

export interface CallOptions {
  /** `If-Match`, `Idempotency-Key`, … They replace the headers that the client sets itself. */
  headers?: Readonly<Record<string, string>>;
  /** Aborts this call, also while it waits for a retry. */
  signal?: AbortSignal;
}

/** Sends a request and resolves with the answer, whatever its status. */
export type Call<I extends Input, T> = (
  ...args: {} extends I ? [input?: I, options?: CallOptions] : [input: I, options?: CallOptions]
) => Promise<Answer<T>>;

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const METHOD = /^\$(?:get|post|put|patch|delete)$/;

/**
 * An object for the routes below `url`: each member adds a segment to the path, and `$get`, `$post`,
 * `$put`, `$patch` and `$delete` are the calls. `:name` takes its value from `param`.
 */
export function routes(url: string, fetch: Fetch): unknown {
  return new Proxy(Object.freeze({}), {
    get(_, member) {
      if (typeof member !== "string" || member === "then") return undefined; // it is not a promise
      if (!METHOD.test(member)) return routes(`${url}/${member}`, fetch);
      const method = member.slice(1).toUpperCase();
      return (input?: Input, options?: CallOptions) => send({ url, method, fetch }, input, options);
    },
  });
}

interface Target {
  url: string;
  method: string;
  fetch: Fetch;
}

async function send({ url, method, fetch }: Target, input: Input = {}, options: CallOptions = {}) {
  const { param = {}, query = {}, json } = input;
  const path = url.replace(/\/:(\w+)/g, (_, name: string) => {
    const value = param[name];
    if (value === undefined) throw new TypeError(`The path needs a value for ${name}`);
    return `/${encodeURIComponent(value)}`;
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  const headers = new Headers(json === undefined ? {} : { "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
  const text = search.toString();
  return fetch(text === "" ? path : `${path}?${text}`, {
    method,
    headers,
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(options.signal && { signal: options.signal }),
  });
}
