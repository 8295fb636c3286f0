import { AppError, type Code, type Fault } from "@stockwire/core/error";
import { HTTPException } from "hono/http-exception";

/** The HTTP status and title of each code. A new code does not compile until it has them. */
export const problems = {
  invalid_json: { status: 400, title: "Invalid JSON" },
  invalid_request: { status: 400, title: "Invalid request" },
  invalid_parameter: { status: 400, title: "Invalid parameter" },
  unknown_parameter: { status: 400, title: "Unknown parameter" },
  invalid_cursor: { status: 400, title: "Invalid cursor" },
  invalid_id: { status: 400, title: "Invalid id" },
  no_fields_to_update: { status: 400, title: "No fields to update" },
  reserved_property: { status: 400, title: "Reserved property" },
  unauthenticated: { status: 401, title: "Unauthenticated" },
  insufficient_scope: { status: 403, title: "Insufficient scope" },
  route_not_found: { status: 404, title: "Route not found" },
  user_not_found: { status: 404, title: "User not found" },
  product_not_found: { status: 404, title: "Product not found" },
  inventory_not_found: { status: 404, title: "Inventory not found" },
  item_not_found: { status: 404, title: "Item not found" },
  reservation_not_found: { status: 404, title: "Reservation not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  email_exists: { status: 409, title: "Email already exists" },
  sku_exists: { status: 409, title: "Sku already exists" },
  insufficient_stock: { status: 409, title: "Insufficient stock" },
  below_reserved: { status: 409, title: "Below reserved" },
  stale_quantity: { status: 409, title: "Stale quantity" },
  has_active_reservations: { status: 409, title: "Has active reservations" },
  reservation_expired: { status: 409, title: "Reservation expired" },
  reservation_closed: { status: 409, title: "Reservation closed" },
  cursor_expired: { status: 410, title: "Cursor expired" },
  precondition_failed: { status: 412, title: "Precondition failed" },
  body_too_large: { status: 413, title: "Body too large" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  idempotency_key_reused: { status: 422, title: "Idempotency key reused" },
  internal: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "Unavailable" },
} as const satisfies Record<Code, { status: number; title: string }>;

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
  [member: string]: unknown;
}

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
    ...(visible.errors.length > 0 && { errors: visible.errors }),
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
