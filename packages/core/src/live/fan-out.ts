/**
 * Fan-out: sends frames to all subscribers of some topics. The caller appends changes to the log
 * first, and the subscriptions are read afterwards, strongly consistently: a client that subscribes
 * in between finds the changes in the log. Each connection gets its frames in order.
 */

import type { LoggedChange } from "../changes/log-row.ts";
import { keysOf } from "../changes/topic.ts";
import * as Connection from "./connection.ts";
import { eventFrames } from "./protocol.ts";
import * as Send from "./send.ts";

/** Frames for some connections of one endpoint. It is plain data, so that a queue can carry it. */
export interface Delivery {
  endpoint: string;
  ids: string[]; // of the connections
  frames: string[];
  /** Keys of the topics that led to the connections, to remove those that are gone. */
  topics: string[];
}

/** What became of the frames. A connection that is gone, or fails once, gets no further frames. */
export interface DeliveryCounts {
  sent: number; // frames
  gone: number; // connections
  failed: number; // connections
  queued: number; // connections whose delivery was queued
}

interface Options {
  /** Queues deliveries. Without it all frames are sent by this call. */
  enqueue?: ((deliveries: readonly Delivery[]) => Promise<void>) | undefined;
}

/** More connections than this are left to the queue, in deliveries of at most this size. */
const MAX_CONNECTIONS = 500;
/**
 * Bytes of one delivery as JSON, in which the text of a frame is escaped once more. A message of SQS
 * holds 1 MiB and is billed for each 64 KiB, so larger ones cost the same; smaller ones are retried in
 * smaller parts.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MAX_DELIVERY_BYTES = 240 * 1024;
const PARALLEL_SENDS = 64;
const PARALLEL_QUERIES = 16;
/**
 * Stop sending to an endpoint after this many consecutive failures: each takes up to two timeouts,
 * and connections of other endpoints must not wait for them.
 */
const MAX_FAILURES = 100;

type Subscriber = Omit<Connection.Subscriber, "authExpiresAt"> & { topics: Set<string> };

/** Sends changes that are in the log to all current subscribers of their topics. */
export async function deliver(
  changes: readonly LoggedChange[],
  options: Options = {},
): Promise<DeliveryCounts> {
  const keys = [...new Set(changes.flatMap(keysOf))];
  const subscribers = await subscribersOf(keys);
  // Subscribers to the same of these topics get the same frames, which are built once.
  const groups = Map.groupBy(subscribers, ({ topics }) => JSON.stringify([...topics].toSorted()));
  const deliveries = [...groups].flatMap(([key, group]) => {
    const topics = new Set(JSON.parse(key) as string[]);
    const frames = eventFrames(changes, (topic) => topics.has(topic));
    return deliveriesTo(group, frames, topics);
  });
  return sendOrQueue(deliveries, options);
}

/** Sends one frame to all members of a channel. */
export async function broadcast(
  channel: string,
  frame: string,
  options: Options = {},
): Promise<DeliveryCounts> {
  const members = await subscribersOf([channel]);
  return sendOrQueue(deliveriesTo(members, [frame], new Set([channel])), options);
}

/** Returns each subscriber once, with those of the topics that it has subscribed to. */
async function subscribersOf(topics: readonly string[]): Promise<Subscriber[]> {
  const subscribers = new Map<string, Subscriber>();
  const now = Date.now();
  await inParallel(topics, PARALLEL_QUERIES, async (topic) => {
    for await (const page of Connection.subscribers(topic)) {
      for (const { authExpiresAt, ...connection } of page) {
        // A subscription ends with the token that permitted it.
        if (authExpiresAt !== undefined && authExpiresAt <= now) continue;
        const subscriber = subscribers.get(connection.id) ?? { ...connection, topics: new Set() };
        subscriber.topics.add(topic);
        subscribers.set(connection.id, subscriber);
      }
    }
  });
  return [...subscribers.values()];
}

function deliveriesTo(
  subscribers: readonly Subscriber[],
  frames: readonly string[],
  topics: ReadonlySet<string>,
): Delivery[] {
  if (frames.length === 0) return [];
  const endpoints = Map.groupBy(subscribers, ({ endpoint }) => endpoint);
  return [...endpoints].flatMap(([endpoint, group]) =>
    chunksOf(group, MAX_CONNECTIONS).map((chunk) => ({
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

async function sendOrQueue(
  deliveries: readonly Delivery[],
  { enqueue }: Options,
): Promise<DeliveryCounts> {
  const connections = deliveries.reduce((sum, { ids }) => sum + ids.length, 0);
  if (connections <= MAX_CONNECTIONS || enqueue === undefined) return sendAll(deliveries);
  await enqueue(deliveries.flatMap(splitBySize));
  return { sent: 0, gone: 0, failed: 0, queued: connections };
}

/** Splits a delivery that is too large for a message into several, in the order of its frames. */
function splitBySize(delivery: Delivery): Delivery[] {
  const others = Buffer.byteLength(JSON.stringify({ ...delivery, frames: [] }));
  const room = MAX_DELIVERY_BYTES - others;
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const frame of delivery.frames) {
    const size = Buffer.byteLength(JSON.stringify(frame)) + 1;
    if (bytes + size > room && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(frame);
    bytes += size;
  }
  return parts.map((frames) => ({ ...delivery, frames }));
}

/**
 * Sends the frames of each connection one after another, to many connections in parallel. Removes
 * connections that are gone, if their handshake has ended.
 */
export async function sendAll(deliveries: readonly Delivery[]): Promise<DeliveryCounts> {
  const counts: DeliveryCounts = { sent: 0, gone: 0, failed: 0, queued: 0 };
  const targets = deliveries.flatMap(({ endpoint, ids, frames, topics }) =>
    ids.map((id) => ({ id, endpoint, frames, topics })),
  );
  const consecutiveFailures = new Map<string, number>(); // by endpoint
  await inParallel(targets, PARALLEL_SENDS, async ({ id, endpoint, frames, topics }) => {
    // Read again each time: other sends to the endpoint change the number meanwhile.
    const failures = () => consecutiveFailures.get(endpoint) ?? 0;
    for (const frame of frames) {
      const outcome =
        failures() < MAX_FAILURES ? await Send.send({ id, endpoint }, frame) : "failed";
      consecutiveFailures.set(endpoint, outcome === "failed" ? failures() + 1 : 0);
      counts[outcome]++;
      if (outcome === "sent") continue;
      // Later frames would hide the gap: without them the client sees it and subscribes again.
      // One that cannot be removed now is met again by the next delivery; the others must not wait.
      if (outcome === "gone") await Connection.forgetIfGone(id, topics).catch(() => undefined);
      return;
    }
  });
  return counts;
}

/** Runs `work` for all items, at most `width` at a time. */
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
