/**
 * The errors of this client. Callers switch on `code`; the text is for people and may change.
 */

import type { Problem, ServerFrame } from "./api.gen.ts";

/** The Live API's error codes, and two of this client: `closed` by the caller, `no_answer` in time. */
export type LiveCode = Extract<ServerFrame, { type: "error" }>["code"] | "closed" | "no_answer";

/** A refusal by the Live API, or the end of this client. */
export class LiveError extends Error {
  override readonly name = "LiveError";
  readonly code: LiveCode;

  constructor(code: LiveCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

/** The HTTP API's error codes, and two that only its gateways answer with. */
export type ProblemCode = Problem["code"] | "too_many_requests" | "quota_exceeded";

type ValidationErrors = NonNullable<Problem["errors"]>;

/** An HTTP answer other than 2xx, as RFC 9457 problem details. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** The HTTP status. */
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** All validation errors of the request; empty if the refusal has another reason. */
  readonly errors: ValidationErrors;
  readonly requestId: string | undefined;
  /** All members of the problem. Some codes add their own: `shortages`, `currentVersion`. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, members: Readonly<Record<string, unknown>>, requestId?: string) {
    const { code, detail, errors, message } = members;
    const text = [detail, message].find((one) => typeof one === "string") ?? `Status ${status}`;
    super(text);
    this.status = status;
    this.code = typeof code === "string" ? (code as ProblemCode) : codeOf(status, text);
    this.detail = text;
    this.errors = Array.isArray(errors) ? (errors as ValidationErrors) : [];
    this.requestId = requestId;
    this.members = members;
  }
}

/** A list answer without a readable `Feed-Cursor` header (CORS may hide it): it cannot be followed. */
export class MissingCursorError extends Error {
  override readonly name = "MissingCursorError";
}

const CODE_BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  401: "unauthenticated",
  403: "insufficient_scope",
  404: "route_not_found",
  405: "method_not_allowed",
  410: "cursor_expired",
  412: "precondition_failed",
  413: "body_too_large",
  415: "unsupported_media_type",
  429: "too_many_requests",
};

/**
 * The code for an answer that API Gateway made itself: such a body has a `message` and no `code`.
 * A usage plan's quota answers 429 with "Limit Exceeded", throttling 429 with other text:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
function codeOf(status: number, message: string): ProblemCode {
  if (status === 429 && message === "Limit Exceeded") return "quota_exceeded";
  const known = CODE_BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 502) return "unavailable";
  return status >= 500 ? "internal" : "invalid_request";
}

/** Reads an answer's body as a problem. A body that is not a JSON object gives the status alone. */
export async function problemOf(
  response: Pick<Response, "status" | "headers" | "text">,
): Promise<ProblemError> {
  const text = await response.text();
  const members = parseObject(text);
  const id = members["requestId"] ?? response.headers.get("X-Request-Id") ?? undefined;
  return new ProblemError(response.status, members, typeof id === "string" ? id : undefined);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
