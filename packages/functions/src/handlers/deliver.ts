import { type Delivery, sendAll } from "@stockwire/core/live/fan-out";
import { log, measure } from "../runtime.ts";

interface Event {
  Records: readonly { messageId: string; body: string }[];
}

interface Result {
  batchItemFailures: { itemIdentifier: string }[];
}

/** Posts the parcels of a large delivery. What can't be posted to is counted, not tried for ever. */
export async function handler({ Records }: Event): Promise<Result> {
  const batchItemFailures: Result["batchItemFailures"] = [];
  for (const { messageId, body } of Records) {
    try {
      const { sent, gone, failed } = await sendAll([JSON.parse(body) as Delivery]);
      log.info("parcel", measure({ Delivered: sent, Gone: gone, Failed: failed }));
    } catch (error) {
      log.error("parcel", error, { messageId });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
