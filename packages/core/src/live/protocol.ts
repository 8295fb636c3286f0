import { Change } from "../changes/change.ts";
import { MAX_TOPICS } from "./connection.ts";
import { RESET_REASONS } from "./subscription.ts";
import * as z from "zod";

/** The frames of the Live API: those of clients as they are parsed, ours as they are documented. */

const id = z.string().max(64).optional();
const cursor = z.string().min(1).max(2048);
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
    since: cursor.optional(),
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
  z.object({ type: z.literal("subscribed"), replyTo, topics: z.array(z.string()), cursor }),
  z.object({
    type: z.literal("reset"),
    replyTo,
    topics: z.array(z.string()),
    reason: z.enum(RESET_REASONS),
    cursor,
  }),
  z.object({ type: z.literal("events"), events: z.array(Change).min(1).max(100), cursor }),
  z.object({ type: z.literal("caught_up"), replyTo, cursor }),
  z.object({ type: z.literal("unsubscribed"), replyTo, topics: z.array(z.string()) }),
  z.object({ type: z.literal("pong"), replyTo, heads: z.record(z.string(), cursor) }),
  z.object({ type: z.literal("goaway"), replyTo, heads: z.record(z.string(), cursor) }),
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
