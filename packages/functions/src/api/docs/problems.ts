import type { Code } from "@stockwire/core/error";

/** What each problem code means for a client and what to do next. A new code must be added here. */
export const meanings = {
  invalid_json: "The body is missing or is not JSON; send one JSON value in UTF-8.",
  invalid_request: "Members of the body are wrong; errors points at each one to correct.",
  invalid_parameter: "A query parameter or header is wrong; errors names each one to correct.",
  unknown_parameter: "The route has no such query parameter; check its spelling or leave it out.",
  invalid_cursor: "This nextToken or cursor is not from this list or feed; start again without it.",
  invalid_id: "The id is not well-formed; use the id that the record was created with.",
  no_fields_to_update: "The body changes nothing; send at least one member to change.",
  reserved_property: "The server or JavaScript owns this member name; choose another.",
  unauthenticated:
    "The token is missing or not valid; get a new one and send it as Authorization: Bearer.",
  insufficient_scope: "The token lacks the route's scope; ask for a token that has it.",
  route_not_found: "The path does not exist; compare it with the reference.",
  user_not_found: "No user has this id, or it was deleted; look it up in the list.",
  product_not_found: "No product has this id, or it was deleted; look it up in the list.",
  inventory_not_found: "No product has this id, so it has no stock; create the product first.",
  item_not_found: "No item has this id; create it with POST, or PUT with If-None-Match: *.",
  reservation_not_found: "No reservation has this id; look it up in the list.",
  method_not_allowed: "The path does not take this method; Allow lists those it takes.",
  email_exists:
    "Another user has this email (case does not matter); use another or change that user.",
  sku_exists: "Another product has this sku; use another or change that product.",
  insufficient_stock: "Fewer are available than asked for; take no more than shortages says.",
  below_reserved:
    "More units than this are reserved; set at least reserved, or wait until fewer are.",
  stale_quantity: "The quantity is not expectedQuantity; decide again from currentQuantity.",
  has_active_reservations: "Some of this product is reserved; wait until it is sold or released.",
  reservation_expired: "The reservation expired and its units were released; reserve again.",
  reservation_closed:
    "It was already confirmed or cancelled; make a new reservation if you need one.",
  cursor_expired: "Changes after this cursor are no longer kept; read the records again.",
  precondition_failed: "The record has changed since it was read; read it again, then repeat.",
  body_too_large: "The body is over the route's limit; send less, or in several requests.",
  unsupported_media_type: "The body is not plain application/json; send it as that, uncompressed.",
  idempotency_key_reused: "The Idempotency-Key belongs to a different request; use a new key.",
  internal: "An unexpected error in the server; report the requestId if it persists.",
  unavailable: "The database is busy or slow; repeat after Retry-After seconds, writes with a key.",
} satisfies Record<Code, string>;
