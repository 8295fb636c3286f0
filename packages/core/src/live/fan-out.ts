import type { LoggedChange } from "../changes/log.ts";
import * as Connection from "./connection.ts";
import { eventFrames } from "./protocol.ts";
import * as Send from "./send.ts";
import { keysOf } from "../changes/topic.ts";

/** Frames to all who listen: to changes, and to what is said on a channel. */

/** Some frames for some connections of one endpoint; plain data, fit for a queue. */
export interface Delivery {
  endpoint: string;
  ids: string[];
  frames: string[];
  /** Where the connections were found: to be removed there too if they are gone. */
  topics: string[];
}

/** What became of the frames. */
export interface DeliveryCounts {
  sent: number;
  gone: number;
  failed: number;
  /** Connections that were left to a queue. */
  queued: number;
}

interface Port {
  /** Hands parcels to a queue; without one all is posted at once. */
  enqueue?: ((parcels: readonly Delivery[]) => Promise<void>) | undefined;
}

/** More connections than this are cut into parcels of as many, for the queue. */
const PARCEL = 500;
/** Bytes of one parcel as JSON: a message of SQS holds 256 KiB. */
const PARCEL_BYTES = 240 * 1024;
const PARALLEL = 64;
const PARALLEL_QUERIES = 16;
/** After as many failures in a row nobody answers at an endpoint: the others must not wait for it. */
const GIVE_UP = 100;

type Listener = Connection.Subscriber & { topics: Set<string> };

/**
 * Tells changes that are in the log to all who listen now. The log first, then the subscriptions:
 * whoever subscribes in between finds the change in the log.
 */
export async function deliver(
  changes: readonly LoggedChange[],
  port: Port = {},
): Promise<DeliveryCounts> {
  const keys = [...new Set(changes.flatMap(keysOf))];
  const listeners = await listenersTo(keys);
  // Who listens to the same of these topics gets the same frames, built once.
  const groups = Map.groupBy(listeners.values(), ({ topics }) =>
    JSON.stringify([...topics].toSorted()),
  );
  const parcels = [...groups.values()].flatMap((group) => {
    const [{ topics } = { topics: new Set<string>() }] = group;
    return parcelsFor(
      group,
      eventFrames(changes, (key) => topics.has(key)),
      topics,
    );
  });
  return send(parcels, port);
}

/** Says one frame to all in a channel. */
export async function broadcast(
  channel: string,
  frame: string,
  port: Port = {},
): Promise<DeliveryCounts> {
  const listeners = await listenersTo([channel]);
  return send(parcelsFor([...listeners.values()], [frame], new Set([channel])), port);
}

async function listenersTo(topics: readonly string[]): Promise<Map<string, Listener>> {
  const listeners = new Map<string, Listener>();
  const now = Date.now();
  await inParallel(topics, PARALLEL_QUERIES, async (topic) => {
    for await (const page of Connection.subscribers(topic)) {
      for (const { authExpiresAt, ...subscriber } of page) {
        // Nothing is told under a token that has ended.
        if (authExpiresAt !== undefined && authExpiresAt <= now) continue;
        const listener = listeners.get(subscriber.id) ?? { ...subscriber, topics: new Set() };
        listener.topics.add(topic);
        listeners.set(subscriber.id, listener);
      }
    }
  });
  return listeners;
}

function parcelsFor(
  listeners: readonly Connection.Subscriber[],
  frames: readonly string[],
  topics: ReadonlySet<string>,
): Delivery[] {
  if (frames.length === 0) return [];
  const endpoints = Map.groupBy(listeners, ({ endpoint }) => endpoint);
  return [...endpoints].flatMap(([endpoint, group]) =>
    chunksOf(group, PARCEL).map((chunk) => ({
      endpoint,
      ids: chunk.map(({ id }) => id),
      frames: [...frames],
      topics: [...topics],
    })),
  );
}

const chunksOf = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
    all.slice(n * size, (n + 1) * size),
  );

async function send(parcels: readonly Delivery[], { enqueue }: Port): Promise<DeliveryCounts> {
  const connections = parcels.reduce((sum, { ids }) => sum + ids.length, 0);
  if (connections <= PARCEL || enqueue === undefined) return sendAll(parcels);
  await enqueue(parcels.flatMap(cut));
  return { sent: 0, gone: 0, failed: 0, queued: connections };
}

/** A parcel of more bytes than a message holds becomes several, in the order of its frames. */
function cut(parcel: Delivery): Delivery[] {
  const room = PARCEL_BYTES - Buffer.byteLength(JSON.stringify({ ...parcel, frames: [] }));
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const frame of parcel.frames) {
    const size = Buffer.byteLength(JSON.stringify(frame)) + 1;
    if (bytes + size > room && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(frame);
    bytes += size;
  }
  return parts.map((frames) => ({ ...parcel, frames }));
}

/** Posts the frames of each connection in order, many connections at once. */
export async function sendAll(parcels: readonly Delivery[]): Promise<DeliveryCounts> {
  const tally: DeliveryCounts = { sent: 0, gone: 0, failed: 0, queued: 0 };
  const targets = parcels.flatMap(({ endpoint, ids, frames, topics }) =>
    ids.map((id) => ({ id, endpoint, frames, topics })),
  );
  const failures = new Map<string, number>(); // of an endpoint, one after another
  await inParallel(targets, PARALLEL, async ({ id, endpoint, frames, topics }) => {
    for (const frame of frames) {
      const row = () => failures.get(endpoint) ?? 0; // others of the endpoint go on meanwhile
      const outcome = row() < GIVE_UP ? await Send.send({ id, endpoint }, frame) : "failed";
      failures.set(endpoint, outcome === "failed" ? row() + 1 : 0);
      tally[outcome]++;
      // What comes after a frame that was lost waits for the client to ask: it sees the gap.
      if (outcome === "sent") continue;
      if (outcome === "gone") await Connection.forget(id, topics);
      return;
    }
  });
  return tally;
}

async function inParallel<T>(
  all: readonly T[],
  width: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const queue = all.values();
  await Promise.all(
    Array.from({ length: Math.min(width, all.length) }, async () => {
      for (const one of queue) await work(one);
    }),
  );
}
