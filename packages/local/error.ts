/**
 * Errors of the laptop's programs. A `LocalError` is printed as one line and needs no stack trace;
 * every other error is a bug and is printed whole.
 */

/** A fault in this machine's set-up that the user can repair; `message` is one line that says how. */
export class LocalError extends Error {
  override readonly name = "LocalError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error, such as `ENOENT`; undefined for any other value. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
