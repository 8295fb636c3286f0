/** A fault of the laptop's set-up that its user can mend; `message` is one line that says how. */
export class LocalError extends Error {
  override readonly name = "LocalError";
}
