import { newId } from "@stockwire/core/id";
import { WebSocket } from "ws";
import { createClient, pages } from "@stockwire/client/http";
import { createLive, type Topic } from "@stockwire/client/live";
import type { RunningLaptop } from "../laptop.ts";
import type { Frame } from "./client.ts";

/** Collections of all feeds in the real client, whose connection a test can interrupt. */
export interface Collected {
  ready: Promise<unknown>;
  has(key: string): boolean;
  /** The current records by `feed/id`. */
  records(): Map<string, Frame>;
  cut(how: "reset" | "close" | "stop reading"): void;
  stop(): void;
}

/** `laptop` returns the running laptop, which changes with each restart. */
export function collect(laptop: () => RunningLaptop): Collected {
  const sockets = new Set<WebSocket>();
  class InterruptibleSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false });
      sockets.add(this);
      this.on("close", () => sockets.delete(this));
    }
  }
  const baseUrl = laptop().url;
  const token = () => laptop().token({ sub, scope: "admin" });
  const sub = newId();
  const random = () => Math.random() * 0.05; // short backoff, to keep the test short
  const client = createClient({ baseUrl, token, random });
  const live = createLive({
    url: `${baseUrl.replace("http", "ws")}/live`,
    token,
    WebSocket: InterruptibleSocket,
    pingEvery: 1_000,
    pongWithin: 3_000,
    random,
  });
  const collection = (topic: Topic, load: Parameters<typeof live.collection>[1]["load"]) =>
    [topic, live.collection(topic, { load })] as const;
  const collections = [
    collection(
      "users",
      pages((query) => client.users.$get({ query })),
    ),
    collection(
      "products",
      pages((query) => client.products.$get({ query })),
    ),
    collection(
      "inventory",
      pages((query) => client.inventory.$get({ query })),
    ),
    collection(
      "items",
      pages((query) => client.items.$get({ query })),
    ),
    collection(
      "reservations",
      pages((query) => client.reservations.$get({ query })),
    ),
  ];
  const records = () =>
    new Map(
      collections.flatMap(([topic, map]) =>
        [...map].map(([id, record]) => [`${topic}/${id}`, record as unknown as Frame] as const),
      ),
    );
  return {
    ready: Promise.all(collections.map(([, map]) => map.ready)),
    has: (key) =>
      collections.some(
        ([topic, map]) => key.startsWith(`${topic}/`) && map.has(key.slice(topic.length + 1)),
      ),
    records,
    cut(how) {
      for (const socket of sockets) {
        if (how === "close") socket.close();
        else if (how === "stop reading") socket.pause();
        else socket.terminate();
      }
    },
    stop: () => live.close(),
  };
}
