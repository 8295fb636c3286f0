import type { ServerFrame } from "@stockwire/core/live/protocol";

/** Why the Live API refused something; `closed` is this client's own word. */
export type LiveCode = Extract<ServerFrame, { type: "error" }>["code"] | "closed" | "no_answer";

/** A refusal by the Live API; callers switch on `code`. */
export class LiveError extends Error {
  override readonly name = "LiveError";
  readonly code: LiveCode;

  constructor(code: LiveCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}
