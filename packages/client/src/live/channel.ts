import type { ServerFrame } from "@stockwire/core/live/protocol";

/** What somebody said on a channel, `lobby` if nothing else. */
export type ChannelMessage = Omit<Extract<ServerFrame, { type: "message" }>, "type">;

/** Messages that are remembered while two connections bring each. */
const MAX_REMEMBERED = 500;

/** Tells a message that a second connection brings, too, from one that is said again. */
export class Twice {
  readonly #by = new Map<string, object>();

  /** Whether another source has brought it before. */
  has(message: object, source: object): boolean {
    const text = JSON.stringify(message);
    const first = this.#by.get(text);
    if (first !== undefined && first !== source) {
      this.#by.delete(text);
      return true;
    }
    this.#by.set(text, source);
    for (const oldest of this.#by.keys()) {
      if (this.#by.size <= MAX_REMEMBERED) break;
      this.#by.delete(oldest);
    }
    return false;
  }

  clear = (): void => this.#by.clear();
}
