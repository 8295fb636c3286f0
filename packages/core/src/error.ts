/** Every way in which a verb can refuse; clients switch on it. The app maps each to a status. */
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
  | "reservation_expired"
  | "reservation_closed"
  | "idempotency_key_reused"
  | "internal"
  | "unavailable";

/** One thing that is wrong with the input: `pointer` into the body, or the name of a `parameter`. */
export interface Fault {
  pointer?: string;
  parameter?: string;
  code: string;
  detail: string;
}

/** The one error that callers see. `members` are added to the answer as they are. */
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

/** A 400 about one member of the body. */
export const invalidMember = (pointer: string, code: string, detail: string) =>
  new AppError("invalid_request", detail, { errors: [{ pointer, code, detail }] });
