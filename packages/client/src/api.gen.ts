/**
 * The HTTP API and the frames of the Live API as types. `npm run client-types` writes this file from
 * /openapi.json and /asyncapi.json; a test fails while it is stale.
 */

import type { Call } from "./call.ts";

/** One version of one record, as the change log has it. */
export type Change = {
  /** The resource that changed. */
  feed: "users" | "products" | "inventory" | "reservations" | "items";
  /** Number in the feed: 1, 2, 3, … without gaps */
  seq: number;
  /** Continues after this change */
  cursor: string;
  /** enter and leave: an update moved the record into or out of a filter */
  op: "create" | "update" | "delete" | "enter" | "leave";
  /** Id of the record. */
  id: string;
  /** Version of the record after the change. */
  version: number;
  /** When the request began that made the change. */
  at: string;
  /** The caller's `sub`; `sweep` or `expiry` where an expired reservation was released. */
  actor: string;
  /** `X-Request-Id` of the request. */
  requestId: string;
  /** The writer's X-Client-Ref */
  clientRef?: string | undefined;
  /** Of a movement of stock */
  reason?: string | undefined;
  /** Of a movement of stock */
  reference?: string | undefined;
  /** Members that an update changed */
  changed: string[];
  /** Their former values; the whole record if it was deleted */
  before?: Record<string, unknown> | undefined;
  /** The record after the change */
  data?: Record<string, unknown> | undefined;
  /** before and data were too large */
  truncated?: true | undefined;
};

export type ClientHello = {
  /** What the client asks for. */
  action: "hello";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
};

export type ClientSubscribe = {
  /** What the client asks for. */
  action: "subscribe";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics: string[];
  /** Sends the changes after this cursor first. */
  since?: string | undefined;
};

export type ClientUnsubscribe = {
  /** What the client asks for. */
  action: "unsubscribe";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics: string[];
};

export type ClientPing = {
  /** What the client asks for. */
  action: "ping";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
};

export type ClientMessage = {
  /** What the client asks for. */
  action: "message";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** The text. */
  message: string;
  /** Name of the channel. */
  channel?: string | undefined;
};

export type ClientJoin = {
  /** What the client asks for. */
  action: "join";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** Name of the channel. */
  channel: string;
};

export type ClientLeave = {
  /** What the client asks for. */
  action: "leave";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** Name of the channel. */
  channel: string;
};

export type ClientAuth = {
  /** What the client asks for. */
  action: "auth";
  /** Repeated by the replies as `replyTo`. */
  id?: string | undefined;
  /** The new token, of the same subject. */
  token: string;
};

export type ServerWelcome = {
  /** What the server says. */
  type: "welcome";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Identifies the connection. */
  connectionId: string;
  /** Subject of the token; in a message, of the sender's. */
  sub: string;
  /** What the token permits. */
  scopes: string[];
  /** When the token expires; null if it does not say. */
  authExpiresAt: string | null;
  /** Limits of the connection. */
  limits: {
    /** Topics and channels of one connection. */
    topics: number;
    /** Bytes of one WebSocket frame. */
    frameBytes: number;
    /** Bytes of one message. */
    messageBytes: number;
    /** Seconds without a message after which the connection is closed. */
    idleSeconds: number;
    /** Seconds after which the connection is closed in any case. */
    connectionSeconds: number;
  };
};

export type ServerSubscribed = {
  /** What the server says. */
  type: "subscribed";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics: string[];
  /** Where to resume from, as `since`. */
  cursor: string;
};

export type ServerReset = {
  /** What the server says. */
  type: "reset";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics: string[];
  /** Why the changes cannot be sent. */
  reason: "cursor_expired" | "not_in_cursor" | "unknown_position" | "too_far_behind";
  /** Where to resume from, as `since`. */
  cursor: string;
};

export type ServerEvents = {
  /** What the server says. */
  type: "events";
  /** Changes that match the connection's topics. */
  events: Change[];
  /** Where to resume from, as `since`. */
  cursor?: string | undefined;
};

export type ServerCaughtUp = {
  /** What the server says. */
  type: "caught_up";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Where to resume from, as `since`. */
  cursor: string;
};

export type ServerUnsubscribed = {
  /** What the server says. */
  type: "unsubscribed";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics: string[];
};

export type ServerPong = {
  /** What the server says. */
  type: "pong";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** The newest cursor of each subscribed feed. */
  heads: Record<string, string>;
};

export type ServerGoaway = {
  /** What the server says. */
  type: "goaway";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** The newest cursor of each subscribed feed. */
  heads: Record<string, string>;
};

export type ServerJoined = {
  /** What the server says. */
  type: "joined";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Name of the channel. */
  channel: string;
};

export type ServerLeft = {
  /** What the server says. */
  type: "left";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** Name of the channel. */
  channel: string;
};

export type ServerMessage = {
  /** What the server says. */
  type: "message";
  /** The same if the message arrives twice */
  id: string;
  /** `connectionId` of the sender. */
  from: string;
  /** Subject of the token; in a message, of the sender's. */
  sub: string;
  /** Name of the channel. */
  channel: string;
  /** The text. */
  message: string;
  /** When it was sent. */
  at: string;
};

export type ServerAck = {
  /** What the server says. */
  type: "ack";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** When the token expires; null if it does not say. */
  authExpiresAt: string | null;
};

export type ServerError = {
  /** What the server says. */
  type: "error";
  /** The `id` of the client frame that this frame answers. */
  replyTo?: string | undefined;
  /** What went wrong. Switch on this. */
  code: "unknown_action" | "invalid_frame" | "unknown_topic" | "forbidden_topic" | "too_many_topics" | "invalid_cursor" | "insufficient_scope" | "unauthenticated" | "wrong_subject" | "unavailable" | "internal";
  /** What went wrong, in words. */
  detail: string;
  /** Feeds, records or filters, such as `products`, `products/{id}`, `items?type=note`. */
  topics?: string[] | undefined;
  /** The faults of the frame. */
  errors?: {
    /** A JSON pointer into the frame. */
    pointer: string;
    /** What went wrong. Switch on this. */
    code: string;
    /** What went wrong, in words. */
    detail: string;
  }[] | undefined;
};

/** The stock of one product. */
export type Inventory = {
  /** Id of the product. */
  id: string;
  /** Id of the product. */
  productId: string;
  /** Units on hand. */
  quantity: number;
  /** Units that active reservations hold. */
  reserved: number;
  /** `quantity` − `reserved`. */
  available: number;
  /** `level` is `low` while `available` is at most this number. */
  reorderPoint: number;
  /** `out` if nothing is available, `low` at or below `reorderPoint`, else `ok`. */
  level: "out" | "low" | "ok";
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
};

/** The counted quantity. */
export type InventoryRequest = {
  /** Units on hand. */
  quantity: number;
  /** `level` is `low` while `available` is at most this number. */
  reorderPoint?: number | undefined;
  /** Refuses the request if the quantity on hand is another one. */
  expectedQuantity?: number | undefined;
  /** Why the stock moved. It is in the change log. */
  reason?: string | undefined;
};

/** A movement of stock. */
export type AdjustmentRequest = {
  /** Units to add, or to take if below 0. Not 0. */
  delta: number;
  /** Why the stock moved. It is in the change log. */
  reason: string;
  /** A number of your own, such as that of an order. */
  reference?: string | undefined;
};

/** A JSON object of any shape, with the server's members. */
export type Item = {
  /** Made by the server, in the order of creation. */
  id: string;
  /** When the request began that created the record. */
  createdAt: string;
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
} & Record<string, unknown>;

/** A JSON object of at most 64 KiB and 16 levels, without the server's members. */
export type ItemRequest = Record<string, unknown>;

/** A JSON merge patch of an item. */
export type ItemPatch = ItemRequest;

/** What is sold. */
export type Product = {
  /** Made by the server, in the order of creation. */
  id: string;
  /** 1 to 200 characters. */
  name: string;
  /** Exact, in the currency's major unit, with no more decimals than the currency has. */
  price: number;
  /** A code of ISO 4217. */
  currency: string;
  /** Filters of lists and topics ignore its case. */
  category: string;
  /** At most 4000 characters. Can have several lines. */
  description: string;
  /** Unique, case counts. */
  sku?: string | undefined;
  /** `active` by default. */
  status: "active" | "archived";
  /** When the request began that created the record. */
  createdAt: string;
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
};

/** A new product. */
export type ProductRequest = {
  /** 1 to 200 characters. */
  name: string;
  /** Exact, in the currency's major unit, with no more decimals than the currency has. */
  price: number;
  /** A code of ISO 4217. */
  currency?: string | undefined;
  /** Filters of lists and topics ignore its case. */
  category: string;
  /** At most 4000 characters. Can have several lines. */
  description?: string | undefined;
  /** Unique, case counts. */
  sku?: string | undefined;
  /** `active` by default. */
  status?: "active" | "archived" | undefined;
  /** Units on hand of the new product. */
  initialQuantity?: number | undefined;
};

/** Members to change. */
export type ProductUpdate = {
  /** 1 to 200 characters. */
  name?: string | undefined;
  /** Exact, in the currency's major unit, with no more decimals than the currency has. */
  price?: number | undefined;
  /** A code of ISO 4217. */
  currency?: string | undefined;
  /** Filters of lists and topics ignore its case. */
  category?: string | undefined;
  /** At most 4000 characters. Can have several lines. */
  description?: string | undefined;
  /** Unique, case counts. */
  sku?: string | undefined;
  /** `active` by default. */
  status?: "active" | "archived" | undefined;
};

/** A JSON merge patch of a product. */
export type ProductPatch = {
  /** 1 to 200 characters. */
  name?: string | undefined;
  /** Exact, in the currency's major unit, with no more decimals than the currency has. */
  price?: number | undefined;
  /** A code of ISO 4217. */
  currency?: string | undefined;
  /** Filters of lists and topics ignore its case. */
  category?: string | undefined;
  /** At most 4000 characters. Can have several lines. */
  description?: string | undefined;
  /** Unique, case counts. */
  sku?: string | null | undefined;
  /** `active` by default. */
  status?: "active" | "archived" | undefined;
};

/** Units that are held until a time. */
export type Reservation = {
  /** Made by the server, in the order of creation. */
  id: string;
  /** `expired` from the moment at which it expires. */
  status: "active" | "confirmed" | "cancelled" | "expired";
  /** Products and their units. */
  lines: {
    /** Id of the product. */
    productId: string;
    /** Units that are held. */
    quantity: number;
  }[];
  /** A number of your own, such as that of an order. */
  reference?: string | undefined;
  /** When it ends. */
  expiresAt: string;
  /** When the request began that created the record. */
  createdAt: string;
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
};

/** A person or system that the catalogue knows. */
export type User = {
  /** Made by the server, in the order of creation. */
  id: string;
  /** 2 to 100 characters. */
  name: string;
  /** Kept as typed. Unique without regard to case. */
  email: string;
  /** Ten digits. */
  phone?: string | undefined;
  /** In years. */
  age?: number | undefined;
  /** `active` by default. */
  status: "active" | "disabled";
  /** When the request began that created the record. */
  createdAt: string;
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
};

/** A new user. */
export type UserRequest = {
  /** 2 to 100 characters. */
  name: string;
  /** Kept as typed. Unique without regard to case. */
  email: string;
  /** Ten digits. */
  phone?: string | undefined;
  /** In years. */
  age?: number | undefined;
  /** `active` by default. */
  status?: "active" | "disabled" | undefined;
};

/** Members to change. */
export type UserUpdate = {
  /** 2 to 100 characters. */
  name?: string | undefined;
  /** Kept as typed. Unique without regard to case. */
  email?: string | undefined;
  /** Ten digits. */
  phone?: string | undefined;
  /** In years. */
  age?: number | undefined;
  /** `active` by default. */
  status?: "active" | "disabled" | undefined;
};

/** A JSON merge patch of a user. */
export type UserPatch = {
  /** 2 to 100 characters. */
  name?: string | undefined;
  /** Kept as typed. Unique without regard to case. */
  email?: string | undefined;
  /** Ten digits. */
  phone?: string | null | undefined;
  /** In years. */
  age?: number | null | undefined;
  /** `active` by default. */
  status?: "active" | "disabled" | undefined;
};

/** Changes of a topic, and where to continue. */
export type Changes = {
  /** Changes of the topic, oldest first. */
  events: Change[];
  /** Where to continue, as `since`. */
  cursor: string;
  /** Whether more changes can be read immediately. */
  more: boolean;
};

/** Opens one connection of the Live API. */
export type Ticket = {
  /** For `/live?ticket=…`. */
  ticket: string;
  /** When it ends. */
  expiresAt: string;
};

/** The counted quantities. */
export type InventoryCountRequest = {
  /** 1 to 25 products and their quantities. No product twice. */
  counts: {
    /** Id of the product. */
    productId: string;
    /** Units on hand. */
    quantity: number;
    /** Refuses the request if the quantity on hand is another one. */
    expectedQuantity?: number | undefined;
  }[];
  /** Why the stock moved. It is in the change log. */
  reason?: string | undefined;
};

/** The levels after a count. */
export type InventoryCount = {
  /** The level of each product, in the order of `counts`. */
  levels: Inventory[];
};

/** One page of a record's changes. */
export type HistoryPage = {
  /** The changes of this page. */
  items: {
    /** The resource that changed. */
    feed: "users" | "products" | "inventory" | "reservations" | "items";
    /** Number in the feed: 1, 2, 3, … without gaps */
    seq: number;
    /** enter and leave: an update moved the record into or out of a filter */
    op: "create" | "update" | "delete" | "enter" | "leave";
    /** Id of the record. */
    id: string;
    /** Version of the record after the change. */
    version: number;
    /** When the request began that made the change. */
    at: string;
    /** The caller's `sub`; `sweep` or `expiry` where an expired reservation was released. */
    actor: string;
    /** `X-Request-Id` of the request. */
    requestId: string;
    /** The writer's X-Client-Ref */
    clientRef?: string | undefined;
    /** Of a movement of stock */
    reason?: string | undefined;
    /** Of a movement of stock */
    reference?: string | undefined;
    /** Members that an update changed */
    changed: string[];
    /** Their former values; the whole record if it was deleted */
    before?: Record<string, unknown> | undefined;
    /** The record after the change */
    data?: Record<string, unknown> | undefined;
    /** before and data were too large */
    truncated?: true | undefined;
  }[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** One page of inventory levels. */
export type InventoryPage = {
  /** The inventory levels of this page. */
  items: Inventory[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** One page of items. */
export type ItemPage = {
  /** The items of this page. */
  items: Item[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** Entries as an array, or as `items`. */
export type ItemBatch = ItemRequest[] | {
  /** The entries: each is validated and created on its own. */
  items: ItemRequest[];
  /** Create all entries or none; at most 25. */
  atomic?: boolean | undefined;
};

/** One result for each entry. */
export type ItemBatchAnswer = {
  /** One result for each entry, in their order. */
  results: {
    /** The entry's place in the request, from 0. */
    index: number;
    /** HTTP status of the entry. */
    status: number;
    /** The new record. */
    record?: Item | undefined;
    /** Why the entry was refused. */
    problem?: Problem | undefined;
  }[];
  /** Entries that were created. */
  succeeded: number;
  /** Entries that were refused. */
  failed: number;
};

/** A product, with its inventory level if asked for. */
export type ProductWithInventory = {
  /** Made by the server, in the order of creation. */
  id: string;
  /** 1 to 200 characters. */
  name: string;
  /** Exact, in the currency's major unit, with no more decimals than the currency has. */
  price: number;
  /** A code of ISO 4217. */
  currency: string;
  /** Filters of lists and topics ignore its case. */
  category: string;
  /** At most 4000 characters. Can have several lines. */
  description: string;
  /** Unique, case counts. */
  sku?: string | undefined;
  /** `active` by default. */
  status: "active" | "archived";
  /** When the request began that created the record. */
  createdAt: string;
  /** When the request began that made this version. */
  updatedAt: string;
  /** 1 at first, and 1 more with each change. Never used twice for the same id. */
  version: number;
  /** The inventory level, with `include=inventory`. */
  inventory?: Inventory | undefined;
};

/** One page of products. */
export type ProductPage = {
  /** The products of this page. */
  items: Product[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** Entries as an array, or as `items`. */
export type ProductBatch = ProductRequest[] | {
  /** The entries: each is validated and created on its own. */
  items: ProductRequest[];
  /** Create all entries or none; at most 25. */
  atomic?: boolean | undefined;
};

/** One result for each entry. */
export type ProductBatchAnswer = {
  /** One result for each entry, in their order. */
  results: {
    /** The entry's place in the request, from 0. */
    index: number;
    /** HTTP status of the entry. */
    status: number;
    /** The new record. */
    record?: Product | undefined;
    /** Why the entry was refused. */
    problem?: Problem | undefined;
  }[];
  /** Entries that were created. */
  succeeded: number;
  /** Entries that were refused. */
  failed: number;
};

/** What to hold, and for how long. */
export type ReservationRequest = {
  /** Products and their units. */
  lines: {
    /** Id of the product. */
    productId: string;
    /** Units to hold. */
    quantity: number;
  }[];
  /** Seconds until the reservation expires. */
  ttlSeconds?: number | undefined;
  /** A number of your own, such as that of an order. */
  reference?: string | undefined;
};

/** How long to hold it from now. */
export type ExtensionRequest = {
  /** Seconds until the reservation expires. */
  ttlSeconds?: number | undefined;
};

/** One page of reservations. */
export type ReservationPage = {
  /** The reservations of this page. */
  items: Reservation[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** The caller. */
export type Me = {
  /** The token's subject. */
  sub: string;
  /** `client` for a machine, else `user`. */
  kind: "user" | "client";
  /** What the token permits, without the resource server's prefix. */
  scopes: string[];
  /** When the token ends; null if it does not say. */
  expiresAt: string | null;
};

/** A greeting. */
export type Greeting = {
  /** The greeting. */
  message: string;
  /** `success`. */
  status: "success";
};

/** The process answers. */
export type Health = {
  /** `ok`. */
  status: "ok";
};

/** What runs. */
export type Version = {
  /** Name of the service. */
  name: string;
  /** Version of the package. */
  version: string;
  /** Commit of the build. */
  commit: string;
  /** The stage that answers. */
  stage: string;
  /** The version of Node. */
  runtime: string;
  /** Variables of the REST API's stage, shown only. */
  stageVariables?: {
    /** The alias that the stage invokes. */
    lambdaAlias?: string | undefined;
    /** The name that the stage gives; nothing is selected by it. */
    tableName?: string | undefined;
  } | undefined;
};

/** Whether the store answers. */
export type Readiness = {
  /** Whether the store answers. */
  status: "ok" | "unavailable";
  /** What was checked. */
  checks: {
    /** The store. */
    dynamodb: {
      /** Whether the store answers. */
      status: "ok" | "unavailable";
      /** How long the check took. */
      latencyMs: number;
    };
  };
};

/** One page of users. */
export type UserPage = {
  /** The users of this page. */
  items: User[];
  /** Records on this page. */
  count: number;
  /** The next page, as the parameter `nextToken`; null on the last page. */
  nextToken: string | null;
};

/** Entries as an array, or as `items`. */
export type UserBatch = UserRequest[] | {
  /** The entries: each is validated and created on its own. */
  items: UserRequest[];
  /** Create all entries or none; at most 25. */
  atomic?: boolean | undefined;
};

/** One result for each entry. */
export type UserBatchAnswer = {
  /** One result for each entry, in their order. */
  results: {
    /** The entry's place in the request, from 0. */
    index: number;
    /** HTTP status of the entry. */
    status: number;
    /** The new record. */
    record?: User | undefined;
    /** Why the entry was refused. */
    problem?: Problem | undefined;
  }[];
  /** Entries that were created. */
  succeeded: number;
  /** Entries that were refused. */
  failed: number;
};

/** An error (RFC 9457). Some codes have more members. */
export type Problem = {
  /** A link to the explanation of `code`. */
  type: string;
  /** The code in words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** What went wrong. Switch on this. */
  code: "invalid_json" | "invalid_request" | "invalid_parameter" | "unknown_parameter" | "invalid_cursor" | "invalid_id" | "no_fields_to_update" | "reserved_property" | "unauthenticated" | "insufficient_scope" | "route_not_found" | "user_not_found" | "product_not_found" | "inventory_not_found" | "item_not_found" | "reservation_not_found" | "method_not_allowed" | "streaming_unavailable" | "email_exists" | "sku_exists" | "insufficient_stock" | "below_reserved" | "stale_quantity" | "has_active_reservations" | "product_archived" | "reservation_expired" | "reservation_closed" | "cursor_expired" | "precondition_failed" | "body_too_large" | "unsupported_media_type" | "idempotency_key_reused" | "internal" | "unavailable";
  /** What went wrong with this request. */
  detail: string;
  /** The pattern of the route, such as `/users/{id}`. */
  instance?: string | undefined;
  /** `X-Request-Id`. Absent in results of a batch. */
  requestId?: string | undefined;
  /** How many faults there are, if `errors` lists only the first 50. */
  errorCount?: number | undefined;
  /** The faults of the request. */
  errors?: {
    /** A JSON pointer into the body. */
    pointer?: string | undefined;
    /** The name of a query parameter or header. */
    parameter?: string | undefined;
    /** What went wrong. Switch on this. */
    code: string;
    /** What went wrong with this request. */
    detail: string;
  }[] | undefined;
  /** The entry of an atomic batch or of a count that was refused, from 0. */
  index?: number | undefined;
  /** Of `precondition_failed` and `stale_quantity`, and in `refused`. */
  currentVersion?: number | undefined;
  /** Units on hand. Of `stale_quantity`, and in `refused`. */
  currentQuantity?: number | undefined;
  /** Of `below_reserved`, and in `refused`. */
  reserved?: number | undefined;
  /** Of `POST /inventory/counts`: every entry that cannot be set, with its level if there is one. */
  refused?: {
    /** The entry of an atomic batch or of a count that was refused, from 0. */
    index: number;
    /** Id of the product. */
    productId: string;
    /** What went wrong. Switch on this. */
    code: string;
    /** Units on hand. Of `stale_quantity`, and in `refused`. */
    currentQuantity?: number | undefined;
    /** Of `precondition_failed` and `stale_quantity`, and in `refused`. */
    currentVersion?: number | undefined;
    /** Of `below_reserved`, and in `refused`. */
    reserved?: number | undefined;
  }[] | undefined;
  /** Of `insufficient_stock`. */
  shortages?: {
    /** Id of the product. */
    productId: string;
    /** Units that the request needs. */
    requested: number;
    /** Units that there are. */
    available: number;
  }[] | undefined;
};

/** An error of the gateway in front of the app. */
export type GatewayMessage = {
  /** Why the gateway refused the request. */
  message: string;
};

/** A frame that a client sends. */
export type ClientFrame =
  | ClientHello
  | ClientSubscribe
  | ClientUnsubscribe
  | ClientPing
  | ClientMessage
  | ClientJoin
  | ClientLeave
  | ClientAuth;

/** A frame that the server sends. */
export type ServerFrame =
  | ServerWelcome
  | ServerSubscribed
  | ServerReset
  | ServerEvents
  | ServerCaughtUp
  | ServerUnsubscribed
  | ServerPong
  | ServerGoaway
  | ServerJoined
  | ServerLeft
  | ServerMessage
  | ServerAck
  | ServerError;

/** A resource, and the feed of its changes. */
export type Feed = Change["feed"];

/** The routes of the HTTP API. */
export interface Client {
  users: {
    /** List users */
    $get: Call<{
      query?: {
        /** Records on a page at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** `desc`: newest first. */
        order?: "asc" | "desc" | undefined;
        /** The `nextToken` of the page before, with the same filters and order. */
        nextToken?: string | undefined;
        /** Without regard to case. */
        email?: string | undefined;
      };
    }, UserPage>;
    /** Create a user */
    $post: Call<{
      json: UserRequest;
    }, User>;
    batch: {
      /** Create up to 100 users */
      $post: Call<{
        json: UserBatch;
      }, UserBatchAnswer>;
    };
    ":id": {
      /** Get a user */
      $get: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
      }, User>;
      /** Change the given members of a user */
      $put: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
        json: UserUpdate;
      }, User>;
      /** Change a user by a JSON merge patch */
      $patch: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
        json: UserPatch;
      }, User>;
      /** Delete a user */
      $delete: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
      }, null>;
      history: {
        /** List the changes of a record, newest first */
        $get: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
          query?: {
            /** Records on a page at most. Larger numbers count as 100. */
            limit?: number | string | undefined;
            /** `desc`: newest first. */
            order?: "asc" | "desc" | undefined;
            /** The `nextToken` of the page before, with the same filters and order. */
            nextToken?: string | undefined;
          };
        }, HistoryPage>;
      };
    };
  };
  products: {
    /** List products */
    $get: Call<{
      query?: {
        /** Records on a page at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** `desc`: newest first. */
        order?: "asc" | "desc" | undefined;
        /** The `nextToken` of the page before, with the same filters and order. */
        nextToken?: string | undefined;
        /** Without regard to case. */
        category?: string | undefined;
        /** Case counts. */
        sku?: string | undefined;
      };
    }, ProductPage>;
    /** Create a product with its inventory level */
    $post: Call<{
      json: ProductRequest;
    }, Product>;
    batch: {
      /** Create up to 100 products */
      $post: Call<{
        json: ProductBatch;
      }, ProductBatchAnswer>;
    };
    ":id": {
      /** Get a product; include=inventory adds its level and also needs read:inventory */
      $get: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
        query?: {
          /** Adds the inventory level. Needs `read:inventory` as well. */
          include?: "inventory" | undefined;
        };
      }, ProductWithInventory>;
      /** Change the given members of a product */
      $put: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
        json: ProductUpdate;
      }, Product>;
      /** Change a product by a JSON merge patch */
      $patch: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
        json: ProductPatch;
      }, Product>;
      /** Delete a product and its inventory level */
      $delete: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
      }, null>;
      history: {
        /** List the changes of a record, newest first */
        $get: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
          query?: {
            /** Records on a page at most. Larger numbers count as 100. */
            limit?: number | string | undefined;
            /** `desc`: newest first. */
            order?: "asc" | "desc" | undefined;
            /** The `nextToken` of the page before, with the same filters and order. */
            nextToken?: string | undefined;
          };
        }, HistoryPage>;
      };
    };
  };
  inventory: {
    /** List inventory levels */
    $get: Call<{
      query?: {
        /** Records on a page at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** `desc`: newest first. */
        order?: "asc" | "desc" | undefined;
        /** The `nextToken` of the page before, with the same filters and order. */
        nextToken?: string | undefined;
        /** Only levels without available units, or with few. */
        level?: "out" | "low" | undefined;
      };
    }, InventoryPage>;
    counts: {
      /** Set the quantities of up to 25 products, all or none */
      $post: Call<{
        json: InventoryCountRequest;
      }, InventoryCount>;
    };
    ":productId": {
      /** Get the inventory level of a product */
      $get: Call<{
        param: {
          /** Id of the product. UUIDs are accepted in any letter case. */
          productId: string;
        };
      }, Inventory>;
      /** Set the quantity on hand */
      $put: Call<{
        param: {
          /** Id of the product. UUIDs are accepted in any letter case. */
          productId: string;
        };
        json: InventoryRequest;
      }, Inventory>;
      adjustments: {
        /** Add to the quantity on hand, or take from it */
        $post: Call<{
          param: {
            /** Id of the product. UUIDs are accepted in any letter case. */
            productId: string;
          };
          json: AdjustmentRequest;
        }, Inventory>;
      };
      history: {
        /** List the changes of a record, newest first */
        $get: Call<{
          param: {
            /** Id of the product. UUIDs are accepted in any letter case. */
            productId: string;
          };
          query?: {
            /** Records on a page at most. Larger numbers count as 100. */
            limit?: number | string | undefined;
            /** `desc`: newest first. */
            order?: "asc" | "desc" | undefined;
            /** The `nextToken` of the page before, with the same filters and order. */
            nextToken?: string | undefined;
          };
        }, HistoryPage>;
      };
    };
  };
  reservations: {
    /** List reservations */
    $get: Call<{
      query?: {
        /** Records on a page at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** `desc`: newest first. */
        order?: "asc" | "desc" | undefined;
        /** The `nextToken` of the page before, with the same filters and order. */
        nextToken?: string | undefined;
        /** Only active reservations. */
        status?: "active" | undefined;
        /** Id of the product. UUIDs are accepted in any letter case. */
        productId?: string | undefined;
      };
    }, ReservationPage>;
    /** Reserve all lines or none */
    $post: Call<{
      json: ReservationRequest;
    }, Reservation>;
    ":id": {
      /** Get a reservation */
      $get: Call<{
        param: {
          /** Id of the record. UUIDs are accepted in any letter case. */
          id: string;
        };
      }, Reservation>;
      confirm: {
        /** Sell what is reserved */
        $post: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
        }, Reservation>;
      };
      cancel: {
        /** Release what is reserved */
        $post: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
        }, Reservation>;
      };
      extend: {
        /** Extend a reservation */
        $post: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
          json: ExtensionRequest;
        }, Reservation>;
      };
      history: {
        /** List the changes of a record, newest first */
        $get: Call<{
          param: {
            /** Id of the record. UUIDs are accepted in any letter case. */
            id: string;
          };
          query?: {
            /** Records on a page at most. Larger numbers count as 100. */
            limit?: number | string | undefined;
            /** `desc`: newest first. */
            order?: "asc" | "desc" | undefined;
            /** The `nextToken` of the page before, with the same filters and order. */
            nextToken?: string | undefined;
          };
        }, HistoryPage>;
      };
    };
  };
  items: {
    /** List items */
    $get: Call<{
      query?: {
        /** Records on a page at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** `desc`: newest first. */
        order?: "asc" | "desc" | undefined;
        /** The `nextToken` of the page before, with the same filters and order. */
        nextToken?: string | undefined;
        /** Only items whose member `type` is exactly this text. */
        type?: string | undefined;
      };
    }, ItemPage>;
    /** Create an item of any shape */
    $post: Call<{
      json: ItemRequest;
    }, Item>;
    batch: {
      /** Create up to 100 items */
      $post: Call<{
        json: ItemBatch;
      }, ItemBatchAnswer>;
    };
    ":id": {
      /** Get an item */
      $get: Call<{
        param: {
          /** Id of the item. Case counts. */
          id: string;
        };
      }, Item>;
      /** Replace an item, or create it at this id with If-None-Match: * */
      $put: Call<{
        param: {
          /** Id of the item. Case counts. */
          id: string;
        };
        json: ItemRequest;
      }, Item>;
      /** Change an item by a JSON merge patch */
      $patch: Call<{
        param: {
          /** Id of the item. Case counts. */
          id: string;
        };
        json: ItemPatch;
      }, Item>;
      /** Delete an item */
      $delete: Call<{
        param: {
          /** Id of the item. Case counts. */
          id: string;
        };
      }, null>;
      history: {
        /** List the changes of a record, newest first */
        $get: Call<{
          param: {
            /** Id of the item. Case counts. */
            id: string;
          };
          query?: {
            /** Records on a page at most. Larger numbers count as 100. */
            limit?: number | string | undefined;
            /** `desc`: newest first. */
            order?: "asc" | "desc" | undefined;
            /** The `nextToken` of the page before, with the same filters and order. */
            nextToken?: string | undefined;
          };
        }, HistoryPage>;
      };
    };
  };
  changes: {
    /** List the changes of a topic after a cursor; `wait` waits for the first */
    $get: Call<{
      query: {
        /** A feed (`products`), one of its records (`products/{id}`) or a filter of it (`products?category=`, `inventory?level=`, `items?type=`). */
        topic: string;
        /** A `cursor` of an earlier answer, or a `Feed-Cursor`. */
        since?: string | undefined;
        /** Changes at most. Larger numbers count as 100. */
        limit?: number | string | undefined;
        /** Seconds to wait for a first change. */
        wait?: number | string | undefined;
        /** In place of `since`: the last changes of the feed, of which those of the topic. */
        last?: number | string | undefined;
      };
    }, Changes>;
  };
  live: {
    tickets: {
      /** Issue a ticket that opens one live connection within a minute */
      $post: Call<{}, Ticket>;
    };
  };
  me: {
    /** Get the caller, as the token says */
    $get: Call<{}, Me>;
  };
  hello: {
    /** Get a greeting */
    $get: Call<{
      query?: {
        /** Whom to greet. */
        name?: string | undefined;
      };
    }, Greeting>;
  };
  health: {
    /** Check that the process answers */
    $get: Call<{}, Health>;
  };
  ready: {
    /** Check that the store answers within a second */
    $get: Call<{}, Readiness>;
  };
  version: {
    /** Get the version that runs */
    $get: Call<{}, Version>;
  };
  "openapi.json": {
    /** Get this document */
    $get: Call<{
      query?: {
        /** The version of OpenAPI. */
        version?: "3.1" | "3.0" | undefined;
      };
    }, Record<string, unknown>>;
  };
  "asyncapi.json": {
    /** Get the Live API's document */
    $get: Call<{}, Record<string, unknown>>;
  };
}
