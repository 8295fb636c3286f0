/**
 * The texts of the OpenAPI document: of the API, sections, operations, parameters and members. A
 * test fails if one of them is missing, or belongs to nothing.
 */

export const about = `The backend of a product catalogue and its stock. It records every change of a record in a change log, which \`GET /changes\` and the Live API (\`/asyncapi.json\`) read.

- Bodies are JSON in UTF-8. Times are UTC with milliseconds.
- White space around names, categories, descriptions, skus, reasons, references and emails is removed. Lengths count code points. Such texts have no control characters, and at least one visible character where one is required.
- Errors are \`application/problem+json\`, with a \`code\` to switch on. \`/docs/problems\` explains each code. A gateway in front of the app answers with \`{"message"}\` where it refuses a request itself.
- An unknown path is 404 \`route_not_found\`. A known path with another method is 405 \`method_not_allowed\`, with \`Allow\`.
- Every answer of the app also has \`X-Content-Type-Options: nosniff\`, \`Cache-Control: no-store\`, \`Strict-Transport-Security\` where a gateway ends TLS, and headers of CORS.
- Clients ignore members that they do not know: later versions add some.`;

export const tags: Readonly<Record<string, string>> = {
  Users: "People and systems that the catalogue knows. An email belongs to one user at most.",
  Products: "What is sold. Each product has one inventory level.",
  Inventory: "How many units of a product are on hand, reserved and available.",
  Reservations: "Units that are held for a while, then sold or released. Stock is never oversold.",
  Items: "Free-form JSON objects.",
  Changes: "The change log, and access to the Live API.",
  Service: "The service itself: who calls, health, documents.",
};

const LIST =
  "Newest first by default, by id. A page can have fewer records than `limit`; the list ends when `nextToken` is null.";
const CREATE_MANY =
  "Each entry is created on its own: 201 if all succeed, else 207 with the problem of each that failed. With `atomic`, at most 25 entries are created, all or none.";
const MERGE =
  "A JSON merge patch (RFC 7396): members that are absent stay, and `null` removes an optional one.";
const HISTORY =
  "Newest first. A record that was deleted keeps its history, as long as changes are kept. Needs `read:history` as well.";
const UNCHANGED =
  "A write that would change nothing answers with the unchanged record and version.";

/** By the route's key. */
export const operations: Readonly<Record<string, string>> = {
  "GET /users": `${LIST} With \`email\`: the user with this address, or none.`,
  "POST /users": "The server makes the id, a UUIDv7.",
  "POST /users/batch": CREATE_MANY,
  "GET /users/{id}": "Reads the user strongly consistently.",
  "PUT /users/{id}": `Members that are absent stay; at least one is needed. ${UNCHANGED}`,
  "PATCH /users/{id}": `${MERGE} \`phone\` and \`age\` are optional.`,
  "DELETE /users/{id}": "The email address can be used again.",
  "GET /users/{id}/history": HISTORY,
  "GET /products": `${LIST} With \`sku\`: the product with this sku, or none.`,
  "POST /products": "Creates the product and its inventory level together.",
  "POST /products/batch": CREATE_MANY,
  "GET /products/{id}":
    "Reads the product strongly consistently, and its inventory level if asked to.",
  "PUT /products/{id}": `Members that are absent stay; at least one is needed. ${UNCHANGED}`,
  "PATCH /products/{id}": `${MERGE} \`sku\` is optional.`,
  "DELETE /products/{id}":
    "Deletes the inventory level as well. Refused while units are reserved. The sku can be used again.",
  "GET /products/{id}/history": HISTORY,
  "GET /inventory": LIST,
  "POST /inventory/counts":
    "For a stock count. All quantities are set in one transaction, or none. A refusal names each refused entry in `refused` and `errors`, and its code is that of the first. A product is counted once; its reorder point stays.",
  "GET /inventory/{productId}": "Reads the inventory level strongly consistently.",
  "PUT /inventory/{productId}":
    "For a count. Not below what is reserved. With `expectedQuantity` only if the quantity on hand is still this one.",
  "POST /inventory/{productId}/adjustments":
    "For deliveries, losses and sales without a reservation. Concurrent adjustments do not refuse each other. Not below what is reserved.",
  "GET /inventory/{productId}/history": HISTORY,
  "GET /reservations":
    "By id, newest first by default. With `status=active` alone: in the order in which they would first have expired.",
  "POST /reservations":
    "Lines of one product are added up. The units count as reserved until the reservation is confirmed, cancelled, or expires. Refused as a whole, with `shortages`, if one product has too few.",
  "GET /reservations/{id}":
    "Reads the reservation strongly consistently. It is `expired` from the moment at which it expires.",
  "POST /reservations/{id}/confirm":
    "Takes the units from what is on hand. Repeating it changes nothing.",
  "POST /reservations/{id}/cancel": "The units are available again. Repeating it changes nothing.",
  "POST /reservations/{id}/extend":
    "Moves the end to `ttlSeconds` from now, never to an earlier time.",
  "GET /reservations/{id}/history": HISTORY,
  "GET /items": LIST,
  "POST /items": "Any members but `id`, `createdAt`, `updatedAt` and `version`, at most 64 KiB.",
  "POST /items/batch": CREATE_MANY,
  "GET /items/{id}": "Reads the item strongly consistently.",
  "PUT /items/{id}":
    "Replaces all attributes; `id` and `createdAt` stay. With `If-None-Match: *` it creates an item at an id of your choice, and answers 412 if there is one.",
  "PATCH /items/{id}": "A JSON merge patch (RFC 7396): `null` removes a member, at any depth.",
  "DELETE /items/{id}": "An item that is created at this id later continues its versions.",
  "GET /items/{id}/history": HISTORY,
  "GET /changes/stream":
    "Sends the changes of a topic as server-sent events. The `id` of an event is a cursor, from which `Last-Event-ID` continues. A stream ends after some minutes and at the token's end, with an event `end`. Where answers cannot be streamed it is 406: ask `GET /changes` with `wait`.",
  "GET /changes":
    "Needs the read scope of the topic's resource. Without `since` it starts from now. An answer without changes and with `more: true` means: read on from `cursor`. 410 `cursor_expired`: read the records again.",
  "POST /live/tickets":
    "For clients that can send no header with a WebSocket. Open `/live?ticket=…` with it: it works once, for a minute, and for its caller. Each request issues another ticket.",
  "GET /me": "What the app has read from the token.",
  "GET /hello": "For a first request without a token.",
  "GET /health": "Calls nothing else.",
  "GET /ready": "Answers 503 if the store does not answer.",
  "GET /version": "Which build runs, and where.",
  "GET /openapi.json":
    "OpenAPI, made from the schemas that validate requests. Version 3.0 is for tools that know no newer one, such as the import of API Gateway.",
  "GET /asyncapi.json": "AsyncAPI 3.1 of the WebSocket API at `/live`.",
  "GET /docs": "A page with a form for each operation. It loads nothing from other hosts.",
  "GET /docs/problems": "A page with one row for each code.",
};

/** By name, or by the route's key and name. */
export const parameters: Readonly<Record<string, { description: string; example?: unknown }>> = {
  id: {
    description: "Id of the record. UUIDs are accepted in any letter case.",
    example: "019af2b1-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
  },
  "/items id": {
    description: "Id of the item. Case counts.",
    example: "item_019af2b1-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
  },
  productId: {
    description: "Id of the product. UUIDs are accepted in any letter case.",
    example: "019af2b1-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
  },
  limit: { description: "Records on a page at most. Larger numbers count as 100.", example: 20 },
  order: { description: "`desc`: newest first." },
  nextToken: {
    description: "The `nextToken` of the page before, with the same filters and order.",
  },
  email: { description: "Without regard to case.", example: "ana@example.com" },
  category: { description: "Without regard to case.", example: "Lighting" },
  sku: { description: "Case counts.", example: "LAMP-01" },
  include: { description: "Adds the inventory level. Needs `read:inventory` as well." },
  level: { description: "Only levels without available units, or with few." },
  type: { description: "Only items whose member `type` is exactly this text.", example: "note" },
  status: { description: "Only active reservations." },
  topic: {
    description:
      "A feed (`products`), one of its records (`products/{id}`) or a filter of it (`products?category=`, `inventory?level=`, `items?type=`).",
    example: "products",
  },
  since: { description: "A `cursor` of an earlier answer, or a `Feed-Cursor`." },
  "/changes limit": { description: "Changes at most. Larger numbers count as 100.", example: 100 },
  wait: { description: "Seconds to wait for a first change.", example: 20 },
  last: {
    description: "In place of `since`: the last changes of the feed, of which those of the topic.",
    example: 50,
  },
  name: { description: "Whom to greet.", example: "Ana" },
  version: { description: "The version of OpenAPI." },
};

/** By the member's name, or by the schema's id and the member's name. */
export const members: Readonly<Record<string, string>> = {
  id: "Made by the server, in the order of creation.",
  version: "1 at first, and 1 more with each change. Never used twice for the same id.",
  createdAt: "When the request began that created the record.",
  updatedAt: "When the request began that made this version.",
  count: "Records on this page.",
  nextToken: "The next page, as the parameter `nextToken`; null on the last page.",
  "UserPage.items": "The users of this page.",
  "ProductPage.items": "The products of this page.",
  "InventoryPage.items": "The inventory levels of this page.",
  "ReservationPage.items": "The reservations of this page.",
  "ItemPage.items": "The items of this page.",
  "HistoryPage.items": "The changes of this page.",

  name: "2 to 100 characters.",
  email: "Kept as typed. Unique without regard to case.",
  phone: "Ten digits.",
  age: "In years.",
  status: "`active` by default.",

  "Product.name": "1 to 200 characters.",
  "ProductWithInventory.name": "1 to 200 characters.",
  "ProductRequest.name": "1 to 200 characters.",
  "ProductUpdate.name": "1 to 200 characters.",
  "ProductPatch.name": "1 to 200 characters.",
  price: "Exact, in the currency's major unit, with no more decimals than the currency has.",
  currency: "A code of ISO 4217.",
  category: "Filters of lists and topics ignore its case.",
  description: "At most 4000 characters. Can have several lines.",
  sku: "Unique, case counts.",
  initialQuantity: "Units on hand of the new product.",
  inventory: "The inventory level, with `include=inventory`.",

  productId: "Id of the product.",
  "Inventory.id": "Id of the product.",
  quantity: "Units on hand.",
  "ReservationRequest.quantity": "Units to hold.",
  "Reservation.quantity": "Units that are held.",
  reserved: "Units that active reservations hold.",
  available: "`quantity` − `reserved`.",
  reorderPoint: "`level` is `low` while `available` is at most this number.",
  level: "`out` if nothing is available, `low` at or below `reorderPoint`, else `ok`.",
  expectedQuantity: "Refuses the request if the quantity on hand is another one.",
  counts: "1 to 25 products and their quantities. No product twice.",
  levels: "The level of each product, in the order of `counts`.",
  reason: "Why the stock moved. It is in the change log.",
  reference: "A number of your own, such as that of an order.",
  delta: "Units to add, or to take if below 0. Not 0.",

  lines: "Products and their units.",
  ttlSeconds: "Seconds until the reservation expires.",
  expiresAt: "When it ends.",
  "Reservation.status": "`expired` from the moment at which it expires.",

  items: "The entries: each is validated and created on its own.",
  atomic: "Create all entries or none; at most 25.",
  results: "One result for each entry, in their order.",
  index: "The entry's place in the request, from 0.",
  record: "The new record.",
  problem: "Why the entry was refused.",
  succeeded: "Entries that were created.",
  failed: "Entries that were refused.",
  "UserBatchAnswer.status": "HTTP status of the entry.",
  "ProductBatchAnswer.status": "HTTP status of the entry.",
  "ItemBatchAnswer.status": "HTTP status of the entry.",

  feed: "The resource that changed.",
  "Change.id": "Id of the record.",
  "HistoryPage.id": "Id of the record.",
  "Change.version": "Version of the record after the change.",
  "HistoryPage.version": "Version of the record after the change.",
  at: "When the request began that made the change.",
  actor: "The caller's `sub`; `sweep` or `expiry` where an expired reservation was released.",
  requestId: "`X-Request-Id` of the request.",
  events: "Changes of the topic, oldest first.",
  "Changes.cursor": "Where to continue, as `since`.",
  more: "Whether more changes can be read immediately.",

  ticket: "For `/live?ticket=…`.",
  sub: "The token's subject.",
  kind: "`client` for a machine, else `user`.",
  scopes: "What the token permits, without the resource server's prefix.",
  "Me.expiresAt": "When the token ends; null if it does not say.",
  message: "The greeting.",
  "GatewayMessage.message": "Why the gateway refused the request.",
  "Greeting.status": "`success`.",
  "Health.status": "`ok`.",
  "Readiness.status": "Whether the store answers.",
  checks: "What was checked.",
  dynamodb: "The store.",
  latencyMs: "How long the check took.",
  "Version.name": "Name of the service.",
  "Version.stageVariables": "Variables of the REST API's stage, shown only.",
  "Version.lambdaAlias": "The alias that the stage invokes.",
  "Version.tableName": "The name that the stage gives; nothing is selected by it.",
  "Version.version": "Version of the package.",
  commit: "Commit of the build.",
  stage: "The stage that answers.",
  runtime: "The version of Node.",

  type: "A link to the explanation of `code`.",
  title: "The code in words.",
  "Problem.status": "The HTTP status.",
  code: "What went wrong. Switch on this.",
  detail: "What went wrong with this request.",
  instance: "The pattern of the route, such as `/users/{id}`.",
  "Problem.requestId": "`X-Request-Id`. Absent in results of a batch.",
  errorCount: "How many faults there are, if `errors` lists only the first 50.",
  errors: "The faults of the request.",
  pointer: "A JSON pointer into the body.",
  parameter: "The name of a query parameter or header.",
  "Problem.index": "The entry of an atomic batch or of a count that was refused, from 0.",
  refused:
    "Of `POST /inventory/counts`: every entry that cannot be set, with its level if there is one.",
  currentVersion: "Of `precondition_failed` and `stale_quantity`, and in `refused`.",
  currentQuantity: "Units on hand. Of `stale_quantity`, and in `refused`.",
  "Problem.reserved": "Of `below_reserved`, and in `refused`.",
  shortages: "Of `insufficient_stock`.",
  requested: "Units that the request needs.",
  "Problem.available": "Units that there are.",
};

export const schemas: Readonly<Record<string, string>> = {
  User: "A person or system that the catalogue knows.",
  UserRequest: "A new user.",
  UserUpdate: "Members to change.",
  UserPatch: "A JSON merge patch of a user.",
  UserPage: "One page of users.",
  UserBatch: "Entries as an array, or as `items`.",
  UserBatchAnswer: "One result for each entry.",
  Product: "What is sold.",
  ProductWithInventory: "A product, with its inventory level if asked for.",
  ProductRequest: "A new product.",
  ProductUpdate: "Members to change.",
  ProductPatch: "A JSON merge patch of a product.",
  ProductPage: "One page of products.",
  ProductBatch: "Entries as an array, or as `items`.",
  ProductBatchAnswer: "One result for each entry.",
  Inventory: "The stock of one product.",
  InventoryRequest: "The counted quantity.",
  AdjustmentRequest: "A movement of stock.",
  InventoryCountRequest: "The counted quantities.",
  InventoryCount: "The levels after a count.",
  InventoryPage: "One page of inventory levels.",
  Reservation: "Units that are held until a time.",
  ReservationRequest: "What to hold, and for how long.",
  ExtensionRequest: "How long to hold it from now.",
  ReservationPage: "One page of reservations.",
  Item: "A JSON object of any shape, with the server's members.",
  ItemRequest: "A JSON object of at most 64 KiB and 16 levels, without the server's members.",
  ItemPatch: "A JSON merge patch of an item.",
  ItemPage: "One page of items.",
  ItemBatch: "Entries as an array, or as `items`.",
  ItemBatchAnswer: "One result for each entry.",
  Change: "One version of one record, as the change log has it.",
  Changes: "Changes of a topic, and where to continue.",
  HistoryPage: "One page of a record's changes.",
  Ticket: "Opens one connection of the Live API.",
  Me: "The caller.",
  Greeting: "A greeting.",
  Health: "The process answers.",
  Readiness: "Whether the store answers.",
  Version: "What runs.",
  Problem: "An error (RFC 9457). Some codes have more members.",
  GatewayMessage: "An error of the gateway in front of the app.",
};
