import { newId } from "@stockwire/core/id";
import { sweep, type SweepResult } from "@stockwire/core/catalog/reservation-expiry";
import { config, log, measure } from "../runtime.ts";

/** Time limit of one sweep; the next sweep, a minute later, continues. */
const BUDGET = 45_000;

/** Releases the units of expired reservations. A schedule invokes it every minute. */
export async function handler(): Promise<SweepResult> {
  const now = Date.now();
  const by = { actor: "sweep", requestId: newId(), at: new Date(now).toISOString() };
  try {
    const swept = await sweep(by, now + BUDGET);
    const { expired, failed, failure, more, lagMs } = swept;
    if (failed > 0) log.error("sweep", failure, { requestId: by.requestId, failed });
    if (expired > 0 || more || config.METRICS !== "off") {
      const metrics = measure({ Expired: expired, SweepLag: lagMs / 1000 });
      log.info("sweep", { requestId: by.requestId, more, ...metrics });
    }
    return swept;
  } catch (error) {
    log.error("sweep", error, { requestId: by.requestId });
    throw error;
  }
}
