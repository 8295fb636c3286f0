import { Change } from "../changes/change.ts";
import { type LoggedChange, toClient } from "../changes/log.ts";
import * as Offset from "../changes/offset.ts";
import { opFor } from "../changes/topic.ts";
import * as z from "zod";

/** The frames of the Live API: those of clients as they are parsed, ours as they are documented. */

export const MAX_TOPICS = 100; // of one connection

export const RESET_REASONS = [
  "cursor_expired",
  "not_in_cursor",
  "unknown_position",
  "too_far_behind",
] as const;
/** Why changes after the cursor can't be told: the client reads its records anew. */
export type ResetReason = (typeof RESET_REASONS)[number];

const id = z.string().max(64).optional();
const Cursor = z.string().min(1).max(2048);
const Topics = z.array(z.string().min(1).max(1024)).min(1).max(MAX_TOPICS);
const Channel = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
/** So that the frame it comes in fits 32 KiB, whatever JSON makes of it. */
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

const replyTo = z.string().optional();
const authExpiresAt = z.iso.datetime().nullable();

export const ServerFrame = z.discriminatedUnion("type", [
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
  z.object({ type: z.literal("subscribed"), replyTo, topics: z.array(z.string()), cursor: Cursor }),
  z.object({
    type: z.literal("reset"),
    replyTo,
    topics: z.array(z.string()),
    reason: z.enum(RESET_REASONS),
    cursor: Cursor,
  }),
  z.object({ type: z.literal("events"), events: z.array(Change).min(1).max(100), cursor: Cursor }),
  z.object({ type: z.literal("caught_up"), replyTo, cursor: Cursor }),
  z.object({ type: z.literal("unsubscribed"), replyTo, topics: z.array(z.string()) }),
  z.object({ type: z.literal("pong"), replyTo, heads: z.record(z.string(), Cursor) }),
  z.object({ type: z.literal("goaway"), replyTo, heads: z.record(z.string(), Cursor) }),
  z.object({ type: z.literal("joined"), replyTo, channel: z.string() }),
  z.object({ type: z.literal("left"), replyTo, channel: z.string() }),
  z.object({
    type: z.literal("message"),
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
export type ServerFrame = z.output<typeof ServerFrame>;

/** As many changes, and as many bytes, as one frame of the Live API holds. */
const MAX_CHANGES = 100;
export const MAX_BYTES = 32 * 1024;

/** Frames with those of the changes that somebody who listens to some topics is told. */
export function eventFrames(
  changes: readonly LoggedChange[],
  listens: (key: string) => boolean,
): string[] {
  const frames: string[] = [];
  let texts: string[] = [];
  let covered: LoggedChange[] = [];
  let bytes = 0;
  const end = () => {
    if (texts.length === 0) return;
    const cursor = Offset.encode(offsetAfter(covered));
    frames.push(`{"type":"events","events":[${texts.join(",")}],"cursor":"${cursor}"}`);
    texts = [];
    covered = [];
    bytes = 0;
  };
  for (const change of changes) {
    const op = opFor(change, listens);
    if (op === undefined) continue;
    const text = JSON.stringify(toClient(change, op) satisfies Change);
    const size = Buffer.byteLength(text) + 1;
    if (texts.length === MAX_CHANGES || bytes + size > MAX_BYTES - ENVELOPE) end();
    texts.push(text);
    covered.push(change);
    bytes += size;
  }
  end();
  return frames;
}

/** What surrounds the changes of a frame, its cursor over all feeds included. */
const ENVELOPE = 320;

/** The position after some changes, each feed's in the order of their numbers. */
export function offsetAfter(changes: readonly LoggedChange[]): Offset.Offset {
  const times = changes.map(({ at }) => Date.parse(at));
  return {
    seqs: Object.fromEntries(changes.map(({ feed, seq }) => [feed, seq])),
    at: Math.min(...times),
  };
}
