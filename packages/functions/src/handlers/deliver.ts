import { sendAll } from "@stockwire/core/live/fan-out";
import { recordsOf } from "../event-sources.ts";
import type { QueueMessage } from "../live/delivery-queue.ts";
import { resumeReplay } from "../live/replay.ts";
import { checkTokenEnd } from "../live/token-end.ts";
import { enableCursors, log, measure } from "../runtime.ts";
import { logged } from "../telemetry/logged.ts";

enableCursors();

interface Event {
  Records: readonly { messageId: string; body: string }[];
}

interface Result {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Does the work of queued messages: sends the frames of one part of a large delivery, continues a
 * replay, or closes a connection whose token has expired. A message that fails is repeated.
 */
export const handler = logged(log, async (event: Event): Promise<Result> => {
  const batchItemFailures: Result["batchItemFailures"] = [];
  for (const { messageId, body } of recordsOf(event)) {
    if (typeof body !== "string") continue; // not a message of SQS
    try {
      await perform(JSON.parse(body) as QueueMessage);
    } catch (error) {
      log.error("delivery", error, { messageId });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
});

/**
 * A connection that frames of a delivery do not reach is counted and not retried: its client sees the
 * gap and asks for what it missed.
 */
async function perform(message: QueueMessage): Promise<void> {
  if ("tokenEnd" in message) return checkTokenEnd(message.tokenEnd);
  if ("replay" in message) return resumeReplay(message.replay);
  const { sent, gone, failed } = await sendAll([message]);
  return log.info("delivery", measure({ Delivered: sent, Gone: gone, Failed: failed }));
}
