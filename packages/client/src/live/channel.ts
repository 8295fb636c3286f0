import type { ServerFrame } from "../api.gen.ts";

/** A message that a caller has sent to a channel; the default channel is `lobby`. */
export type ChannelMessage = Omit<Extract<ServerFrame, { type: "message" }>, "type">;

/** Ids of messages that are remembered. */
const MAX_REMEMBERED = 500;

/**
 * Detects a message that arrives twice: on both connections during a handover, or because the server's
 * queue delivers at least once.
 */
export function createMessageDeduplicator() {
  const ids = new Set<string>();
  return {
    /** True if the message has been seen before. */
    has({ id }: ChannelMessage): boolean {
      if (ids.has(id)) return true;
      ids.add(id);
      for (const oldest of ids) {
        if (ids.size <= MAX_REMEMBERED) break;
        ids.delete(oldest);
      }
      return false;
    },
  };
}
