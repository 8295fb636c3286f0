/** What all hooks below one provider share: the two clients, the collections and the writes. */

import type { Client, Feed } from "../api.gen.ts";
import type { Answer } from "../call.ts";
import { type ClientOptions, createClient, unwrap } from "../http.ts";
import { createLive, type Live, type LiveOptions } from "../live.ts";
import type { Versioned } from "../live/collection.ts";
import { randomKey } from "../random-key.ts";
import { systemTimers, type Timers } from "../timer.ts";
import { type CollectionState, Entry } from "./entry.ts";
import { readRecord, type Source } from "./source.ts";
import { type Patch, Write } from "./write.ts";

export interface StockwireOptions extends ClientOptions {
  /** The URL of the Live API; by default `/live` below `baseUrl`, as on a laptop. */
  liveUrl?: string;
  /** The WebSocket of `ws`, where the runtime has none. */
  WebSocket?: NonNullable<LiveOptions["WebSocket"]>;
}

/** `open`: changes arrive. `lost`: they do not, so what is shown may be old. */
export type ConnectionState = "connecting" | "open" | "lost";

/**
 * Characters that a mark keeps of `clientRef`. It has up to 64: the rest makes the writes of this page
 * differ from those of every other page with the same `clientRef`.
 */
const REF_LENGTH = 36;

/** Ms for which a write that succeeded waits for its change. */
const ARRIVES_WITHIN = 10_000;

const nothing = (): void => undefined;
const initial = () =>
  Object.freeze({ status: "loading" as const, records: [], error: undefined, retry: nothing });

/** The state before anything is loaded, and that of a server's rendering and of its hydration. */
const LOADING: CollectionState<never> = initial();
export const ON_SERVER: CollectionState<never> = initial();

export class Stockwire {
  readonly client: Client;
  readonly #options: StockwireOptions;
  readonly #timers: Timers;
  readonly #entries = new Map<string, Entry>();
  readonly #writes = new Set<Write>();
  readonly #onConnection = new Set<() => void>();
  readonly #ref: string;
  #connection: ConnectionState = "connecting";
  #live: Live | undefined;
  #count = 0;

  constructor(options: StockwireOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    const ref = options.clientRef?.slice(0, REF_LENGTH);
    this.#ref = [...(ref ? [ref] : []), randomKey(8)].join(".");
    this.client = createClient(options);
  }

  /** The live client. It is created at its first use, so a server that renders opens no connection. */
  get live(): Live {
    if (this.#live) return this.#live;
    const { baseUrl, liveUrl, token, WebSocket, timers, random } = this.#options;
    const live = createLive({
      url: liveUrl ?? defaultLiveUrl(baseUrl),
      token,
      ...(WebSocket && { WebSocket }),
      ...(timers && { timers }),
      ...(random && { random }),
    });
    live.on("open", () => this.#connected("open"));
    live.on("down", () => this.#connected("lost"));
    live.on("error", nothing); // it is tried again, and `down` shows a lost connection
    this.#live = live;
    return live;
  }

  readonly connection = (): ConnectionState => this.#connection;

  readonly onConnection = (listener: () => void): (() => void) => {
    this.#onConnection.add(listener);
    return () => this.#onConnection.delete(listener);
  };

  state<T extends Versioned>(source: Source<T>): CollectionState<T> {
    // The records of a key are those of its source.
    const state = this.#entries.get(source.key)?.state as CollectionState<T> | undefined;
    return state ?? LOADING;
  }

  subscribe(source: Source<Versioned>, listener: () => void): () => void {
    return this.#entry(source).subscribe(listener);
  }

  suspended(source: Source<Versioned>): Promise<void> {
    return this.#entry(source).suspended();
  }

  /**
   * Sends a write and shows its patches immediately. Resolves with the answer's body. If it is
   * refused or gets no answer, the patches are taken back, and it rejects with the error.
   */
  async write<T>(
    request: (client: Client) => Promise<Answer<T>>,
    patches: readonly Patch[],
  ): Promise<T> {
    const write = new Write(`${this.#ref}.${(++this.#count).toString(36)}`, patches);
    if (patches.length > 0) this.#writes.add(write);
    this.#show(write);
    try {
      const body = await unwrap(request(createClient({ ...this.#options, clientRef: write.ref })));
      write.succeeded(body);
      if (write.isDone(this.#entriesOf(write))) this.#forget(write);
      else this.#timers.setTimeout(() => this.#forget(write), ARRIVES_WITHIN);
      this.#show(write);
      return body;
    } catch (error) {
      this.#forget(write);
      throw error;
    }
  }

  /** Final: closes the connection and all collections. */
  close(): void {
    for (const entry of this.#entries.values()) entry.close();
    this.#live?.close();
    this.#live = undefined;
  }

  #entry({ feed, key, load }: Source<Versioned>): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const entry: Entry = new Entry({
      feed,
      open: () =>
        this.live.collection<Versioned>(key, {
          load: (signal) => load(this.client, signal),
          fetch: async (id, signal) =>
            (await readRecord(this.client, feed, id, signal))?.records[0],
        }),
      writes: () => this.#writes,
      arrived: (ref, id) => this.#arrived(ref, id, entry),
      closed: () => this.#entries.delete(key),
      timers: this.#timers,
    });
    this.#entries.set(key, entry);
    for (const write of this.#writes) if (write.answered) write.skip(entry);
    return entry;
  }

  #entriesOf({ patches }: Write): Entry[] {
    const feeds = new Set<Feed>(patches.map(({ feed }) => feed));
    return [...this.#entries.values()].filter(({ feed }) => feeds.has(feed));
  }

  #arrived(ref: string, id: string, entry: Entry): void {
    for (const write of this.#writes) {
      if (write.ref !== ref) continue;
      write.arrivedAt(entry, id);
      entry.changed();
      if (write.answered && write.isDone(this.#entriesOf(write))) this.#forget(write);
    }
  }

  #show(write: Write): void {
    for (const entry of this.#entriesOf(write)) entry.changed();
  }

  #forget(write: Write): void {
    if (this.#writes.delete(write)) this.#show(write);
  }

  #connected(state: ConnectionState): void {
    if (this.#connection === state) return;
    this.#connection = state;
    for (const listener of this.#onConnection) listener();
  }
}

/** `https://host/stage` → `wss://host/stage/live`. A relative URL is one of the page's host. */
function defaultLiveUrl(baseUrl: string): string {
  const { location } = globalThis as { location?: { href: string } };
  const url = new URL(`${baseUrl.replace(/\/+$/, "")}/live`, location?.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
