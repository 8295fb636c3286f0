/**
 * The frames of the Live API, and the only place that knows their wire format. Client frames are
 * parsed with their schema; server frames are typed and documented by theirs.
 */

import * as z from "zod";
import { lazy } from "../lazy.ts";
import { Change } from "../changes/change.ts";
import { toClient } from "../changes/log.ts";
import type { LoggedChange } from "../changes/log-row.ts";
import { opFor } from "../changes/topic.ts";

/** Topics and channels of one connection, besides the lobby. */
export const MAX_TOPICS = 100;

export const RESET_REASONS = [
  "cursor_expired",
  "not_in_cursor",
  "unknown_position",
  "too_far_behind",
] as const;
/** Why the changes after a cursor cannot be replayed, so that the client must read its records. */
export type ResetReason = (typeof RESET_REASONS)[number];

const id = z.string().max(64).optional();
const Cursor = z.string().min(1).max(2048);
/** Bytes of a frame's topics as JSON: a reply that repeats them must fit API Gateway's 128 KB. */
const MAX_TOPIC_BYTES = 120 * 1024;
const Topics = z
  .array(z.string().min(1).max(1024))
  .min(1)
  .max(MAX_TOPICS)
  .refine((topics) => Buffer.byteLength(JSON.stringify(topics)) <= MAX_TOPIC_BYTES, {
    error: `Topics have at most ${MAX_TOPIC_BYTES} bytes together`,
  });
const Channel = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
/** So short that its frame fits 32 KiB even if JSON escapes each character to six. */
const Text = z.string().min(1).max(4096);

export const ClientFrame = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("hello"), id }),
  z.strictObject({
    action: z.literal("subscribe"),
    id,
    topics: Topics,
    since: Cursor.optional(),
  }),
  z.strictObject({ action: z.literal("unsubscribe"), id, topics: Topics }),
  z.strictObject({ action: z.literal("ping"), id }),
  z.strictObject({
    action: z.literal("message"),
    id,
    message: Text,
    channel: Channel.default("lobby"),
  }),
  z.strictObject({ action: z.literal("join"), id, channel: Channel }),
  z.strictObject({ action: z.literal("leave"), id, channel: Channel }),
  z.strictObject({ action: z.literal("auth"), id, token: z.string().min(1).max(8192) }),
]);
export type ClientFrame = z.output<typeof ClientFrame>;

export const ACTIONS = ClientFrame.options.map(({ shape }) => shape.action.value);

export const ERROR_CODES = [
  "unknown_action",
  "invalid_frame",
  "unknown_topic",
  "forbidden_topic",
  "too_many_topics",
  "invalid_cursor",
  "insufficient_scope",
  "unauthenticated",
  "wrong_subject",
  "unavailable",
  "internal",
] as const;

export const ServerFrame = lazy(() => {
  const replyTo = z.string().optional();
  const authExpiresAt = z.iso.datetime().nullable();
  return z.discriminatedUnion("type", [
    z.object({
      type: z.literal("welcome"),
      replyTo,
      connectionId: z.string(),
      sub: z.string(),
      scopes: z.array(z.string()),
      authExpiresAt,
      limits: z.object({
        topics: z.int(),
        frameBytes: z.int(),
        messageBytes: z.int(),
        idleSeconds: z.int(),
        connectionSeconds: z.int(),
      }),
    }),
    z.object({
      type: z.literal("subscribed"),
      replyTo,
      topics: z.array(z.string()),
      cursor: Cursor,
    }),
    z.object({
      type: z.literal("reset"),
      replyTo,
      topics: z.array(z.string()),
      reason: z.enum(RESET_REASONS),
      cursor: Cursor,
    }),
    z.object({
      type: z.literal("events"),
      // Empty in a long replay that has found no change of these topics for a while.
      events: z.array(Change.unwrap()).max(100),
      // Only in a replay. No cursor of a live frame would be safe to resume from: other frames with
      // older changes may still be under way to the connection.
      cursor: Cursor.optional(),
    }),
    z.object({ type: z.literal("caught_up"), replyTo, cursor: Cursor }),
    z.object({ type: z.literal("unsubscribed"), replyTo, topics: z.array(z.string()) }),
    z.object({ type: z.literal("pong"), replyTo, heads: z.record(z.string(), Cursor) }),
    z.object({ type: z.literal("goaway"), replyTo, heads: z.record(z.string(), Cursor) }),
    z.object({ type: z.literal("joined"), replyTo, channel: z.string() }),
    z.object({ type: z.literal("left"), replyTo, channel: z.string() }),
    z.object({
      type: z.literal("message"),
      id: z.string().meta({ description: "The same if the message arrives twice" }),
      from: z.string(),
      sub: z.string(),
      channel: z.string(),
      message: z.string(),
      at: z.iso.datetime(),
    }),
    z.object({ type: z.literal("ack"), replyTo, authExpiresAt }),
    z.object({
      type: z.literal("error"),
      replyTo,
      code: z.enum(ERROR_CODES),
      detail: z.string(),
      topics: z.array(z.string()).optional(),
      errors: z
        .array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() }))
        .optional(),
    }),
  ]);
});
export type ServerFrame = z.output<typeof ServerFrame>;

/**
 * A server frame of some types without `replyTo`, which is only known where the client's frame is
 * answered.
 */
export type Reply<Type extends ServerFrame["type"] = ServerFrame["type"]> = {
  [T in Type]: Omit<Extract<ServerFrame, { type: T }>, "replyTo">;
}[Type];

/** Changes in one frame. */
const MAX_CHANGES = 100;

/**
 * Bytes of one frame. API Gateway takes up to 128 KB, but sends more than 32 KB as several frames.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const MAX_BYTES = 32 * 1024;

/** Bytes of an `events` frame besides its changes; most are those of a cursor over all feeds. */
const ENVELOPE_BYTES = 420;

/**
 * Builds `events` frames with the changes that match a subscriber's topics. Frames are texts, since
 * one text is sent to many connections; each change is serialized once, to measure it and to join
 * it into its frame. `cursorAfter` returns the cursor of a frame that ends with a change. It is for
 * replays only: a connection may resume from there if it has received everything before.
 */
export function eventFrames(
  changes: readonly LoggedChange[],
  isSubscribed: (key: string) => boolean,
  cursorAfter?: (last: LoggedChange) => string,
): string[] {
  const frames: string[] = [];
  let texts: string[] = [];
  let last: LoggedChange | undefined;
  let bytes = 0;
  const endFrame = () => {
    if (last === undefined) return;
    const cursor = cursorAfter ? `,"cursor":"${cursorAfter(last)}"` : "";
    frames.push(`{"type":"events","events":[${texts.join(",")}]${cursor}}`);
    texts = [];
    last = undefined;
    bytes = 0;
  };
  for (const change of changes) {
    const op = opFor(change, isSubscribed);
    if (op === undefined) continue;
    const text = JSON.stringify(toClient(change, op));
    const size = Buffer.byteLength(text) + 1; // and the comma
    if (texts.length === MAX_CHANGES || bytes + size > MAX_BYTES - ENVELOPE_BYTES) endFrame();
    texts.push(text);
    last = change;
    bytes += size;
  }
  endFrame();
  return frames;
}
