/**
 * Summary, replies and example of each frame. The schemas come from core; a frame that is missing
 * here does not compile.
 */

import type { ClientFrame, ERROR_CODES, ServerFrame } from "@stockwire/core/live/protocol";

type Action = ClientFrame["action"];
type Type = ServerFrame["type"];

const cursor = "WyJ7XCJwcm9kdWN0c1wiOjEwNDJ9Il0.c2lnbmVk";
const heads = { products: cursor };
const topics = ["products", "products?category=books"];
const at = "2026-11-21T00:43:40.123Z";
const authExpiresAt = "2026-11-21T01:00:00.000Z";

/** `replies` leaves out `error`, which may answer any frame. */
export const clientFrames: {
  [A in Action]: {
    summary: string;
    replies: readonly Exclude<Type, "error">[];
    example: Extract<ClientFrame, { action: A }>;
  };
} = {
  hello: {
    summary: "Asks for the caller's identity on this connection, and for the limits",
    replies: ["welcome"],
    example: { action: "hello", id: "1" },
  },
  subscribe: {
    summary:
      "Subscribes to topics; with `since`, first sends the changes after that cursor. A topic is a feed (`products`), one record of it (`products/{id}`) or a filter of it (`products?category=`, `inventory?level=low`, `items?type=`)",
    replies: ["subscribed", "reset", "events", "caught_up"],
    example: { action: "subscribe", id: "2", topics, since: cursor },
  },
  unsubscribe: {
    summary: "Ends the subscription to topics",
    replies: ["unsubscribed"],
    example: { action: "unsubscribe", id: "3", topics },
  },
  ping: {
    summary:
      "Keeps an idle connection open, and asks for the newest cursor of each subscribed feed",
    replies: ["pong", "goaway"],
    example: { action: "ping", id: "4" },
  },
  message: {
    summary: "Sends a text to all connections in a channel; needs the scope `publish:channels`",
    replies: ["message"],
    example: { action: "message", id: "5", message: "hi", channel: "lobby" },
  },
  join: {
    summary: "Joins a channel. Every connection is in `lobby` from the start",
    replies: ["joined"],
    example: { action: "join", id: "6", channel: "orders" },
  },
  leave: {
    summary: "Leaves a channel",
    replies: ["left"],
    example: { action: "leave", id: "7", channel: "orders" },
  },
  auth: {
    summary:
      "Replaces the connection's token by a new one of the same subject. Subscriptions that the new token does not permit end",
    replies: ["unsubscribed", "ack"],
    example: { action: "auth", id: "8", token: "eyJhbGciOiJSUzI1NiJ9.e30.c2ln" },
  },
};

/** `unsolicited` says when a frame comes without a client frame before it. */
export const serverFrames: {
  [T in Type]: {
    summary: string;
    unsolicited?: string;
    example: Extract<ServerFrame, { type: T }>;
  };
} = {
  welcome: {
    summary: "The caller's identity on this connection, and the limits",
    example: {
      type: "welcome",
      replyTo: "1",
      connectionId: "d2Vi_c29ja2V0",
      sub: "user123",
      scopes: ["read:products"],
      authExpiresAt,
      limits: {
        topics: 100,
        frameBytes: 32_768,
        messageBytes: 131_072,
        idleSeconds: 600,
        connectionSeconds: 7_200,
      },
    },
  },
  subscribed: {
    summary:
      "The subscription is active: every write that starts after this frame was sent is delivered",
    example: { type: "subscribed", replyTo: "2", topics, cursor },
  },
  reset: {
    summary:
      "The changes after the cursor are not available: read the records of these topics again",
    example: { type: "reset", replyTo: "2", topics, reason: "cursor_expired", cursor },
  },
  events: {
    summary:
      "Changes, missed or new: at most 100, in at most 32 KiB. Only missed changes have a `cursor`, from which the client can resume: it covers all feeds of the subscribe frame. In a long replay a frame without changes shows how far it has come. New changes have none, because they can overtake older ones",
    unsolicited: "Sent for each change that matches a topic of the connection.",
    example: {
      type: "events",
      events: [
        {
          feed: "products",
          seq: 1042,
          cursor,
          op: "update",
          id: "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
          version: 7,
          at,
          actor: "user123",
          requestId: "01939f3c-0000-7000-8000-000000000000",
          clientRef: "tab-7",
          changed: ["price"],
          before: { price: 12.99 },
          data: { id: "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", price: 9.99, version: 7 },
        },
      ],
      cursor,
    },
  },
  caught_up: {
    summary:
      "All changes that the client had missed have been sent. The client can resume from `cursor`",
    example: { type: "caught_up", replyTo: "2", cursor },
  },
  unsubscribed: {
    summary: "The subscription to these topics has ended",
    example: { type: "unsubscribed", replyTo: "3", topics },
  },
  pong: {
    summary:
      "The newest cursor of each subscribed feed. If it has changed since the last `caught_up`, a client can subscribe again from its own cursor to be sure that it has everything",
    example: { type: "pong", replyTo: "4", heads },
  },
  goaway: {
    summary:
      "Replaces `pong` once the connection is 110 minutes old: open a second connection, resume there from the client's own cursor, then close this one",
    example: { type: "goaway", replyTo: "4", heads },
  },
  joined: {
    summary: "The connection is in the channel",
    example: { type: "joined", replyTo: "6", channel: "orders" },
  },
  left: {
    summary: "The connection is not in the channel",
    example: { type: "left", replyTo: "7", channel: "orders" },
  },
  message: {
    summary:
      "A text that was sent to a channel; its sender gets it too. It can arrive twice, with the same `id`",
    unsolicited: "Sent to each connection in the channel.",
    example: {
      type: "message",
      id: "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
      from: "d2Vi_c29ja2V0",
      sub: "user123",
      channel: "lobby",
      message: "hi",
      at,
    },
  },
  ack: {
    summary: "The new token is in use",
    example: { type: "ack", replyTo: "8", authExpiresAt },
  },
  error: {
    summary:
      "A frame was refused, or the server failed to process it. The connection stays open while its token is valid; it ends with `unauthenticated` within 5 s of the token's end",
    unsolicited: "Without `replyTo` if the frame had no `id`, or was not JSON.",
    example: {
      type: "error",
      replyTo: "2",
      code: "unknown_topic",
      detail: "These topics do not exist",
      errors: [{ pointer: "/topics/0", code: "unknown_topic", detail: "Not a topic" }],
    },
  },
};

/** Sentences for the description of the `error` frame. */
export const errorCodes: Readonly<Record<(typeof ERROR_CODES)[number], string>> = {
  unknown_action: "The `action` does not exist.",
  invalid_frame:
    "The frame is not a JSON object or does not fit its action; `errors` points at each fault.",
  unknown_topic: "`errors` points at each topic that does not exist.",
  forbidden_topic: "The token lacks the scope that reads the feed of `topics`.",
  too_many_topics: "The connection would exceed its limit of topics and channels.",
  invalid_cursor:
    "`since` is not a cursor of this API; subscribe without it and read the records again.",
  insufficient_scope: "The token lacks the scope that the action needs.",
  unauthenticated:
    "The new token is not valid, or the connection's token has expired and the connection ends.",
  wrong_subject: "The new token belongs to another subject.",
  unavailable: "The database is busy or slow; send the frame again.",
  internal: "An unexpected error in the server.",
};

/** Descriptions of members, by the member's name or by the schema's id and the name. */
export const frameMembers: Readonly<Record<string, string>> = {
  action: "What the client asks for.",
  type: "What the server says.",
  id: "Repeated by the replies as `replyTo`.",
  replyTo: "The `id` of the client frame that this frame answers.",
  topics: "Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`.",
  since: "Sends the changes after this cursor first.",
  cursor: "Where to resume from, as `since`.",
  reason: "Why the changes cannot be sent.",
  "ServerEvents.events": "Changes that match the connection's topics.",
  heads: "The newest cursor of each subscribed feed.",
  channel: "Name of the channel.",
  message: "The text.",
  token: "The new token, of the same subject.",
  connectionId: "Identifies the connection.",
  from: "`connectionId` of the sender.",
  sub: "Subject of the token; in a message, of the sender's.",
  scopes: "What the token permits.",
  authExpiresAt: "When the token expires; null if it does not say.",
  limits: "Limits of the connection.",
  "ServerWelcome.topics": "Topics and channels of one connection.",
  frameBytes: "Bytes of one WebSocket frame.",
  messageBytes: "Bytes of one message.",
  idleSeconds: "Seconds without a message after which the connection is closed.",
  connectionSeconds: "Seconds after which the connection is closed in any case.",
  at: "When it was sent.",
  code: "What went wrong. Switch on this.",
  detail: "What went wrong, in words.",
  errors: "The faults of the frame.",
  pointer: "A JSON pointer into the frame.",
  "Change.cursor": "Continues after this change. Safe in the topic of a whole feed only.",
};
