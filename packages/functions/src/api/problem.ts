import { AppError, type Code, type Fault } from "@stockwire/core/error";
import { HTTPException } from "hono/http-exception";

/**
 * The HTTP status and title of each code, and what it means for a client and what to do next. A new
 * code does not compile until it has them.
 */
export const problems = {
  invalid_json: {
    status: 400,
    title: "Invalid JSON",
    meaning: "The body is missing or is not JSON; send one JSON value in UTF-8.",
  },
  invalid_request: {
    status: 400,
    title: "Invalid request",
    meaning: "Members of the body are wrong; errors points at each one to correct.",
  },
  invalid_parameter: {
    status: 400,
    title: "Invalid parameter",
    meaning: "A query parameter or header is wrong; errors names each one to correct.",
  },
  unknown_parameter: {
    status: 400,
    title: "Unknown parameter",
    meaning: "The route has no such query parameter; check its spelling or leave it out.",
  },
  invalid_cursor: {
    status: 400,
    title: "Invalid cursor",
    meaning: "This nextToken or cursor is not from this list or feed; start again without it.",
  },
  invalid_id: {
    status: 400,
    title: "Invalid id",
    meaning: "The id is not well-formed; use the id that the record was created with.",
  },
  no_fields_to_update: {
    status: 400,
    title: "No fields to update",
    meaning: "The body changes nothing; send at least one member to change.",
  },
  reserved_property: {
    status: 400,
    title: "Reserved property",
    meaning: "The server or JavaScript owns this member name; choose another.",
  },
  unauthenticated: {
    status: 401,
    title: "Unauthenticated",
    meaning:
      "The token is missing or not valid; get a new one and send it as Authorization: Bearer.",
  },
  insufficient_scope: {
    status: 403,
    title: "Insufficient scope",
    meaning: "The token lacks the route's scope; ask for a token that has it.",
  },
  route_not_found: {
    status: 404,
    title: "Route not found",
    meaning: "The path does not exist; compare it with the reference.",
  },
  user_not_found: {
    status: 404,
    title: "User not found",
    meaning: "No user has this id, or it was deleted; look it up in the list.",
  },
  product_not_found: {
    status: 404,
    title: "Product not found",
    meaning: "No product has this id, or it was deleted; look it up in the list.",
  },
  inventory_not_found: {
    status: 404,
    title: "Inventory not found",
    meaning: "No product has this id, so it has no stock; create the product first.",
  },
  item_not_found: {
    status: 404,
    title: "Item not found",
    meaning: "No item has this id; create it with POST, or PUT with If-None-Match: *.",
  },
  reservation_not_found: {
    status: 404,
    title: "Reservation not found",
    meaning: "No reservation has this id; look it up in the list.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    meaning: "The path does not take this method; Allow lists those it takes.",
  },
  streaming_unavailable: {
    status: 406,
    title: "Streaming unavailable",
    meaning: "This address cannot stream; ask GET /changes with wait, or the Partner API.",
  },
  email_exists: {
    status: 409,
    title: "Email already exists",
    meaning: "Another user has this email (case does not matter); use another or change that user.",
  },
  sku_exists: {
    status: 409,
    title: "Sku already exists",
    meaning: "Another product has this sku; use another or change that product.",
  },
  insufficient_stock: {
    status: 409,
    title: "Insufficient stock",
    meaning: "Fewer are available than asked for; take no more than shortages says.",
  },
  below_reserved: {
    status: 409,
    title: "Below reserved",
    meaning: "More units than this are reserved; set at least reserved, or wait until fewer are.",
  },
  stale_quantity: {
    status: 409,
    title: "Stale quantity",
    meaning: "The quantity is not expectedQuantity; decide again from currentQuantity.",
  },
  has_active_reservations: {
    status: 409,
    title: "Has active reservations",
    meaning: "Some of this product is reserved; wait until it is sold or released.",
  },
  product_archived: {
    status: 409,
    title: "Product archived",
    meaning: "The product is no longer sold, so it cannot be reserved; errors points at its line.",
  },
  reservation_expired: {
    status: 409,
    title: "Reservation expired",
    meaning: "The reservation expired and its units were released; reserve again.",
  },
  reservation_closed: {
    status: 409,
    title: "Reservation closed",
    meaning: "It was already confirmed or cancelled; make a new reservation if you need one.",
  },
  cursor_expired: {
    status: 410,
    title: "Cursor expired",
    meaning: "Changes after this cursor are no longer kept; read the records again.",
  },
  precondition_failed: {
    status: 412,
    title: "Precondition failed",
    meaning: "The record has changed since it was read; read it again, then repeat.",
  },
  body_too_large: {
    status: 413,
    title: "Body too large",
    meaning: "The body is over the route's limit; send less, or in several requests.",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    meaning: "The body is not plain application/json; send it as that, uncompressed.",
  },
  idempotency_key_reused: {
    status: 422,
    title: "Idempotency key reused",
    meaning: "The Idempotency-Key belongs to a different request; use a new key.",
  },
  internal: {
    status: 500,
    title: "Internal error",
    meaning: "An unexpected error in the server; report the requestId if it persists.",
  },
  unavailable: {
    status: 503,
    title: "Unavailable",
    meaning: "The database is busy or slow; repeat after Retry-After seconds, writes with a key.",
  },
} as const satisfies Record<Code, { status: number; title: string; meaning: string }>;

/** `Retry-After` of an `unavailable` answer, in seconds. */
export const RETRY_AFTER = 1;

/** RFC 9457. `instance` is the path pattern of the route: nothing that the client sent is repeated. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: Code;
  detail: string;
  instance?: string;
  requestId?: string;
  errors?: readonly Fault[];
  /** The number of all faults, if `errors` has only the first of them. */
  errorCount?: number;
  [member: string]: unknown;
}

/** Faults in one problem. A body of 1 MiB can have 100 000, more than an answer can hold. */
const MAX_FAULTS = 50;

/** The problem of an error. An unexpected error becomes a bare `internal`. */
export function problemOf(error: unknown): Problem {
  const visible = asAppError(error);
  const { status, title } = problems[visible.code];
  return {
    type: `/docs/problems#${visible.code}`,
    title,
    status,
    code: visible.code,
    detail: visible.message,
    ...visible.members,
    ...(visible.errors.length > 0 && { errors: visible.errors.slice(0, MAX_FAULTS) }),
    ...(visible.errors.length > MAX_FAULTS && { errorCount: visible.errors.length }),
  };
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  // Hono's own refusals of a request, a body that is not what its type says for one.
  if (error instanceof HTTPException && error.status < 500) {
    return new AppError("invalid_request", "The request can't be read");
  }
  return new AppError("internal", "Something went wrong on our side");
}
