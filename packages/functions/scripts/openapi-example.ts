/** Examples of the OpenAPI document, by the schema's id. A test validates each of them. */

const id = "019af2b1-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
const productId = "019af2b0-1f6e-7a52-9c3d-2b4a6c8e0f13";
const createdAt = "2026-11-21T00:43:40.123Z";
const updatedAt = "2026-11-21T00:43:40.123Z";
const cursor = "WyJ7XCJwcm9kdWN0c1wiOjEwNDJ9Il0.c2lnbmVk";

const UserRequest = { name: "Ana Lima", email: "ana@example.com", phone: "5550100123", age: 34 };
const User = { id, ...UserRequest, status: "active", createdAt, updatedAt, version: 1 };

const ProductRequest = {
  name: "Desk lamp",
  price: 24.5,
  category: "Lighting",
  sku: "LAMP-01",
  initialQuantity: 40,
};
const { initialQuantity: _, ...sold } = ProductRequest;
const Product = {
  id: productId,
  ...sold,
  currency: "USD",
  description: "",
  status: "active",
  createdAt,
  updatedAt,
  version: 1,
};
const Inventory = {
  id: productId,
  productId,
  quantity: 40,
  reserved: 2,
  available: 38,
  reorderPoint: 5,
  level: "ok",
  updatedAt,
  version: 2,
};
const lines = [{ productId, quantity: 2 }];
const Reservation = {
  id,
  status: "active",
  lines,
  reference: "order-1042",
  expiresAt: "2026-11-21T00:58:40.123Z",
  createdAt,
  updatedAt,
  version: 1,
};
const ItemRequest = { type: "note", title: "Anything goes" };
const Item = { id: `item_${id}`, ...ItemRequest, createdAt, updatedAt, version: 1 };

const pageOf = (record: object) => ({ items: [record], count: 1, nextToken: null });

const Problem = {
  type: "/docs/problems#email_exists",
  title: "Email already exists",
  status: 409,
  code: "email_exists",
  detail: "Another user has this email address",
  instance: "/users",
  requestId: "01939f3c-0000-7000-8000-000000000000",
  errors: [{ pointer: "/email", code: "not_unique", detail: "Email already exists" }],
};

const answerOf = (record: object) => ({
  results: [{ index: 0, status: 201, record }],
  succeeded: 1,
  failed: 0,
});

const HistoryEntry = {
  feed: "products",
  seq: 1042,
  op: "update",
  id: productId,
  version: 7,
  at: createdAt,
  actor: "user123",
  requestId: "01939f3c-0000-7000-8000-000000000000",
  changed: ["price"],
  before: { price: 12.99 },
  data: { ...Product, price: 9.99, version: 7 },
};
const Change = { ...HistoryEntry, cursor };

export const examples: Readonly<Record<string, object>> = {
  UserRequest,
  UserUpdate: { name: "Ana Lima Souza" },
  UserPatch: { age: 35, phone: null },
  User,
  UserPage: pageOf(User),
  UserBatch: { items: [UserRequest], atomic: true },
  UserBatchAnswer: answerOf(User),
  ProductRequest,
  ProductUpdate: { price: 22 },
  ProductPatch: { status: "archived", sku: null },
  Product,
  ProductWithInventory: { ...Product, inventory: Inventory },
  ProductPage: pageOf(Product),
  ProductBatch: { items: [ProductRequest], atomic: true },
  ProductBatchAnswer: answerOf(Product),
  InventoryRequest: { quantity: 40, reorderPoint: 5, reason: "Counted" },
  AdjustmentRequest: { delta: 3, reason: "Delivery", reference: "D-77" },
  InventoryCountRequest: {
    counts: [{ productId, quantity: 38, expectedQuantity: 40 }],
    reason: "Counted",
  },
  InventoryCount: { levels: [{ ...Inventory, quantity: 38, available: 36 }] },
  Inventory,
  InventoryPage: pageOf(Inventory),
  ReservationRequest: { lines, ttlSeconds: 900, reference: "order-1042" },
  ExtensionRequest: { ttlSeconds: 900 },
  Reservation,
  ReservationPage: pageOf(Reservation),
  ItemRequest,
  ItemPatch: { title: "Something else", type: null },
  Item,
  ItemPage: pageOf(Item),
  ItemBatch: { items: [ItemRequest], atomic: true },
  ItemBatchAnswer: answerOf(Item),
  Change,
  Changes: { events: [Change], cursor, more: false },
  HistoryPage: pageOf(HistoryEntry),
  Ticket: { ticket: "kJ3yqXwV0bR8n2mT5sLcZ1dFgHpA7uEi", expiresAt: "2026-11-21T00:44:40.123Z" },
  Me: { sub: "user123", kind: "user", scopes: ["read:users"], expiresAt: createdAt },
  Greeting: { message: "Hello, World! Your request was successful.", status: "success" },
  Health: { status: "ok" },
  Readiness: { status: "ok", checks: { dynamodb: { status: "ok", latencyMs: 4 } } },
  Version: {
    name: "stockwire",
    version: "0.1.0",
    commit: "b58cd9e",
    stage: "production",
    runtime: "node v24.21.0",
  },
  Problem,
  GatewayMessage: { message: "Unauthorized" },
};

const page = "<!doctype html>…";

/** Examples of answers whose schema has no name, by the route's key. */
export const answerExamples: Readonly<Record<string, unknown>> = {
  "GET /openapi.json": { openapi: "3.1.1" },
  "GET /asyncapi.json": { asyncapi: "3.1.0" },
  "GET /docs": page,
  "GET /docs/problems": page,
  "GET /changes/stream": `id: ${cursor}\nevent: changes\ndata: {"events":[…],"cursor":"${cursor}","more":false}\n\n`,
};
