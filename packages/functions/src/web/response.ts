/** `Response` as the Fetch standard has it, but for its `body`. Why: install.ts. */

import { LightHeaders } from "./headers.ts";

type Body = string | Uint8Array | ReadableStream | null;

interface Init {
  status?: number | undefined;
  statusText?: string;
  headers?: ConstructorParameters<typeof LightHeaders>[0];
}

/** Statuses whose answers have no body. */
const EMPTY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/**
 * Its `body` is the text or the bytes, and a stream only if it was given one: Hono only passes it on to
 * another response, and lambda.ts writes it into the result. Throws RangeError and TypeError as the real one does.
 */
export class LightResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: LightHeaders;
  readonly body: Body;
  bodyUsed = false;

  constructor(body?: unknown, { status = 200, statusText = "", headers }: Init = {}) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`${status} is not the status of a response`);
    }
    const content = contentOf(body);
    if (content !== null && EMPTY.has(status)) {
      throw new TypeError(`A response with the status ${status} has no body`);
    }
    this.status = status;
    this.statusText = statusText;
    this.headers = new LightHeaders(headers);
    this.body = content;
    if (typeof content === "string" && !this.headers.has("content-type")) {
      this.headers.set("content-type", "text/plain;charset=UTF-8");
    }
  }

  get ok(): boolean {
    return this.status < 300;
  }

  async text(): Promise<string> {
    const body = this.#read();
    return typeof body === "string" ? body : Buffer.from(body).toString();
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const body = this.#read();
    return new Uint8Array(typeof body === "string" ? Buffer.from(body) : body).buffer;
  }

  #read(): string | Uint8Array {
    const { body } = this;
    if (this.bodyUsed) throw new TypeError("The body has been read");
    this.bodyUsed = body !== null;
    if (body === null || typeof body === "string" || body instanceof Uint8Array) return body ?? "";
    throw new TypeError("A stream is read through `body`");
  }
}

function contentOf(body: unknown): Body {
  if (body === undefined || body === null) return null;
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (body instanceof ReadableStream) return body;
  throw new TypeError("The body of a response is text, bytes or a stream here");
}
