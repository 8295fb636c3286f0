import type { Problem } from "@stockwire/functions/api/problem";

/** Why a request was refused: the API's own codes, and two that only its gateways have. */
export type ProblemCode = Problem["code"] | "too_many_requests" | "quota_exceeded";

type Faults = NonNullable<Problem["errors"]>;

/** An answer that is not 2xx; callers switch on `code`. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** What is wrong with the request, all at once; empty for what is no fault of its form. */
  readonly errors: Faults;
  readonly requestId: string | undefined;
  /** All members of the problem, `shortages` or `currentVersion` for some. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, members: Readonly<Record<string, unknown>>, requestId?: string) {
    const { code, detail, errors, message } = members;
    const text = [detail, message].find((one) => typeof one === "string") ?? `Status ${status}`;
    super(text);
    this.status = status;
    this.code = typeof code === "string" ? (code as ProblemCode) : codeOf(status, text);
    this.detail = text;
    this.errors = Array.isArray(errors) ? (errors as Faults) : [];
    this.requestId = requestId;
    this.members = members;
  }
}

/** A list whose answer has no `Feed-Cursor`, or CORS hides it: there is nothing to follow it from. */
export class MissingCursorError extends Error {
  override readonly name = "MissingCursorError";
}

const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
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

/** Of a gateway's own answer, which has a message and no code. */
function codeOf(status: number, message: string): ProblemCode {
  if (status === 429 && message === "Limit Exceeded") return "quota_exceeded";
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 502) return "unavailable";
  return status >= 500 ? "internal" : "invalid_request";
}

/** The problem that an answer tells, whoever made it. */
export async function problemOf(response: Pick<Response, "status" | "headers" | "text">) {
  const text = await response.text();
  const members = membersOf(text);
  const id = members["requestId"] ?? response.headers.get("X-Request-Id") ?? undefined;
  return new ProblemError(response.status, members, typeof id === "string" ? id : undefined);
}

function membersOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
