import type { Topic } from "@stockwire/client/live";
import type { Change } from "./catalog.ts";

/** The part of a live client that this needs. */
interface Live {
  subscribe(
    topic: Topic,
    handlers: { event: (change: Change) => void; reset: () => void },
  ): { ready: Promise<void>; close: () => void };
}

interface Followed {
  event: (change: Change) => void;
  /** Reads what was before. May be called again while it reads. */
  read: () => void;
  /** Called when the subscription has begun, or was refused. */
  begun?: () => void;
}

/**
 * Subscribes to a topic and reads what was before. It is read at once, to be on screen soon, and again
 * when the subscription has begun: changes between the first read and the begin come in no other way.
 * Also after changes that the log has no longer. Returns a function that ends the subscription.
 */
export function follow(live: Live, topic: Topic, { event, read, begun }: Followed): () => void {
  let isOpen = true;
  const again = () => {
    if (isOpen) read();
  };
  const { ready, close } = live.subscribe(topic, { event, reset: again });
  read();
  // A refused subscription leaves what was read.
  void ready
    .then(again, () => undefined)
    .finally(() => {
      if (isOpen) begun?.();
    });
  return () => {
    isOpen = false;
    close();
  };
}
