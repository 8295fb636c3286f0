/**
 * The one kind of error that clients see. Core knows codes only; the app maps each code to an HTTP
 * status, and a code without a status does not compile there.
 */

/** Every way in which a request can be refused. Clients switch on it, so a code never changes. */
export type Code =
  | "invalid_json"
  | "invalid_request"
  | "invalid_parameter"
  | "unknown_parameter"
  | "invalid_cursor"
  | "invalid_id"
  | "no_fields_to_update"
  | "reserved_property"
  | "unauthenticated"
  | "insufficient_scope"
  | "route_not_found"
  | "user_not_found"
  | "product_not_found"
  | "inventory_not_found"
  | "item_not_found"
  | "reservation_not_found"
  | "method_not_allowed"
  | "streaming_unavailable"
  | "cursor_expired"
  | "precondition_failed"
  | "body_too_large"
  | "unsupported_media_type"
  | "email_exists"
  | "sku_exists"
  | "insufficient_stock"
  | "below_reserved"
  | "stale_quantity"
  | "has_active_reservations"
  | "product_archived"
  | "reservation_expired"
  | "reservation_closed"
  | "idempotency_key_reused"
  | "internal"
  | "unavailable";

/** One problem of the input. It names a `pointer` into the body, or a `parameter`. */
export interface Fault {
  pointer?: string; // JSON pointer (RFC 6901)
  parameter?: string; // of the path, the query or the headers
  code: string;
  detail: string;
}

/**
 * A refusal with a code. `detail` is shown to clients and must not repeat what a client sent.
 * `members` are added to the error's answer as they are, for example `currentVersion`.
 */
export class AppError extends Error {
  readonly code: Code;
  readonly errors: readonly Fault[];
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    code: Code,
    detail: string,
    options: {
      errors?: readonly Fault[];
      members?: Readonly<Record<string, unknown>>;
      cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.errors = options.errors ?? [];
    this.members = options.members ?? {};
  }
}

/** An `invalid_request` with one fault, at a JSON pointer into the body. */
export const invalidMember = (pointer: string, code: string, detail: string) =>
  new AppError("invalid_request", detail, { errors: [{ pointer, code, detail }] });
