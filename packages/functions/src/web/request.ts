/** The parts of a Fetch `Request` that Hono and the app read of it. Why: install.ts. */

import { LightHeaders } from "./headers.ts";

interface Init {
  method?: string;
  headers?: ConstructorParameters<typeof LightHeaders>[0];
  body?: Uint8Array;
}

export class LightRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: LightHeaders;
  readonly #body: Uint8Array;

  /** Throws TypeError if this is not a URL. */
  constructor(url: string, { method = "GET", headers, body = new Uint8Array() }: Init = {}) {
    this.method = method;
    this.url = new URL(url).href; // encodes what clients have not
    this.headers = new LightHeaders(headers);
    this.#body = body;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(this.#body).buffer;
  }

  async text(): Promise<string> {
    return Buffer.from(this.#body).toString();
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
