import { type Delivery, sendAll } from "@stockwire/core/live/fan-out";
import { recordsOf } from "../event-sources.ts";
import { log, measure } from "../runtime.ts";

interface Event {
  Records: readonly { messageId: string; body: string }[];
}

interface Result {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Sends the frames of one part of a large delivery. A connection that cannot be reached is counted
 * and not retried: its client sees the gap and asks for what it missed.
 */
export async function handler(event: Event): Promise<Result> {
  const batchItemFailures: Result["batchItemFailures"] = [];
  for (const { messageId, body } of recordsOf(event)) {
    try {
      const { sent, gone, failed } = await sendAll([JSON.parse(body) as Delivery]);
      log.info("delivery", measure({ Delivered: sent, Gone: gone, Failed: failed }));
    } catch (error) {
      log.error("delivery", error, { messageId });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
