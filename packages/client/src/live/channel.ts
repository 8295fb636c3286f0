import type { ServerFrame } from "@stockwire/core/live/protocol";

/** A message that a caller has sent to a channel; the default channel is `lobby`. */
export type ChannelMessage = Omit<Extract<ServerFrame, { type: "message" }>, "type">;

/** Messages that are remembered during a handover. */
const MAX_REMEMBERED = 500;

/**
 * Detects a message that both connections bring during a handover. Messages carry no id: the same
 * text from the same connection is a message that was sent again, and must not be dropped.
 */
export function createMessageDeduplicator() {
  /** The connection that brought a message first, by the message's JSON text. */
  const sources = new Map<string, object>();
  return {
    /** True if another connection has brought the message before. */
    has(message: object, source: object): boolean {
      const text = JSON.stringify(message);
      const first = sources.get(text);
      if (first !== undefined && first !== source) {
        sources.delete(text);
        return true;
      }
      sources.set(text, source);
      for (const oldest of sources.keys()) {
        if (sources.size <= MAX_REMEMBERED) break;
        sources.delete(oldest);
      }
      return false;
    },
    clear: (): void => sources.clear(),
  };
}
