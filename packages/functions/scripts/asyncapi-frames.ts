import type { ClientFrame, ERROR_CODES, ServerFrame } from "@stockwire/core/live/protocol";

/** What the document says of each frame besides its schema; a new frame does not compile until it is here. */

type Action = ClientFrame["action"];
type Type = ServerFrame["type"];

const cursor = "WyJ7XCJwcm9kdWN0c1wiOjEwNDJ9Il0.c2lnbmVk";
const heads = { products: cursor };
const topics = ["products", "products?category=books"];
const at = "2026-11-21T00:43:40.123Z";
const authExpiresAt = "2026-11-21T01:00:00.000Z";

/** Any frame may be answered with `error`; `replies` are the other answers. */
export const clientFrames: {
  [A in Action]: {
    summary: string;
    replies: readonly Exclude<Type, "error">[];
    example: Extract<ClientFrame, { action: A }>;
  };
} = {
  hello: {
    summary: "Asks who the caller is here, and for the limits",
    replies: ["welcome"],
    example: { action: "hello", id: "1" },
  },
  subscribe: {
    summary:
      "Listens to topics, after what was missed since a cursor. A topic is a feed, one record of it (`products/{id}`) or a filter of it (`products?category=`, `inventory?level=low`, `items?type=`)",
    replies: ["subscribed", "reset", "events", "caught_up"],
    example: { action: "subscribe", id: "2", topics, since: cursor },
  },
  unsubscribe: {
    summary: "Listens to topics no longer",
    replies: ["unsubscribed"],
    example: { action: "unsubscribe", id: "3", topics },
  },
  ping: {
    summary: "Keeps the connection from being idle, and asks what there is to have received",
    replies: ["pong", "goaway"],
    example: { action: "ping", id: "4" },
  },
  message: {
    summary: "Sends a text to all in a channel; needs `publish:channels`",
    replies: ["message"],
    example: { action: "message", id: "5", message: "hi", channel: "lobby" },
  },
  join: {
    summary: "Enters a channel; all are in `lobby`",
    replies: ["joined"],
    example: { action: "join", id: "6", channel: "orders" },
  },
  leave: {
    summary: "Leaves a channel",
    replies: ["left"],
    example: { action: "leave", id: "7", channel: "orders" },
  },
  auth: {
    summary: "A fresh token of the same subject, in place; topics that it does not permit end",
    replies: ["unsubscribed", "ack"],
    example: { action: "auth", id: "8", token: "eyJhbGciOiJSUzI1NiJ9.e30.c2ln" },
  },
};

/** `unasked` frames also come without a frame that they answer. */
export const serverFrames: {
  [T in Type]: {
    summary: string;
    unasked?: true;
    example: Extract<ServerFrame, { type: T }>;
  };
} = {
  welcome: {
    summary: "Who the caller is here, and the limits",
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
    summary: "A write that starts after this was sent is delivered",
    example: { type: "subscribed", replyTo: "2", topics, cursor },
  },
  reset: {
    summary: "Changes after the cursor can't be told: read these topics' records anew",
    example: { type: "reset", replyTo: "2", topics, reason: "cursor_expired", cursor },
  },
  events: {
    summary: "Changes, missed or new: at most 100 and 32 KiB. `cursor` is the position after them",
    unasked: true,
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
    summary: "All that was missed has been sent",
    example: { type: "caught_up", replyTo: "2", cursor },
  },
  unsubscribed: {
    summary: "These topics have ended",
    example: { type: "unsubscribed", replyTo: "3", topics },
  },
  pong: {
    summary: "The newest position of each subscribed feed: behind it, something was lost",
    example: { type: "pong", replyTo: "4", heads },
  },
  goaway: {
    summary:
      "Instead of `pong` from 110 minutes on: open a second connection, resume there from the cursor, then close this one",
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
    summary: "A text for all in a channel, its sender included",
    unasked: true,
    example: {
      type: "message",
      from: "d2Vi_c29ja2V0",
      sub: "user123",
      channel: "lobby",
      message: "hi",
      at,
    },
  },
  ack: {
    summary: "The fresh token counts from now on",
    example: { type: "ack", replyTo: "8", authExpiresAt },
  },
  error: {
    summary:
      "A frame was refused, or failed on our side; the connection stays while its token is good",
    unasked: true,
    example: {
      type: "error",
      replyTo: "2",
      code: "unknown_topic",
      detail: "These are no topics",
      errors: [{ pointer: "/topics/0", code: "unknown_topic", detail: "Not a topic" }],
    },
  },
};

export const errorCodes: Readonly<Record<(typeof ERROR_CODES)[number], string>> = {
  unknown_action: "There is no such `action`.",
  invalid_frame: "Not a JSON object, or not one of this action; `errors` points at each fault.",
  unknown_topic: "`errors` points at what is no topic.",
  forbidden_topic: "The token lacks the scope that reads `topics`.",
  too_many_topics: "The connection would have more topics and channels than it may.",
  invalid_cursor: "`since` is no cursor of ours; subscribe without it and read the records anew.",
  insufficient_scope: "The token lacks the scope that the action needs.",
  unauthenticated: "The fresh token is not good, or the connection's has expired and it ends.",
  wrong_subject: "The fresh token is another subject's.",
  unavailable: "The store is busy or slow; send the frame again.",
  internal: "Something broke on our side.",
};
