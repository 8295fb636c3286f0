/**
 * Replays of missed changes that take longer than an invocation may. The rest of one is a message of
 * the delivery queue, so that the client gets everything without asking again.
 */

import * as Connection from "@stockwire/core/live/connection";
import { continueReplay, type Replay } from "@stockwire/core/live/subscription";
import { enqueueLater, type PendingReplay } from "./delivery-queue.ts";
import { openSession, type Session } from "./session.ts";
import { hasExpired } from "./token-end.ts";

/** Ms that one invocation replays; less than the timeouts of both functions that do. */
const BUDGET = 15_000;

/** When a replay that begins now is left to the queue, in epoch ms; never without a queue. */
export const replayDeadline = (): number => (enqueueLater ? Date.now() + BUDGET : Infinity);

/** Leaves the rest of a replay, if there is one, to another invocation. */
export async function leaveToQueue(
  { connection, id }: Pick<Session, "connection" | "id">,
  rest: Replay | undefined,
): Promise<void> {
  if (rest) await enqueueLater?.({ replay: { connectionId: connection.id, replyTo: id, rest } });
}

/**
 * Takes a message: continues the replay, for topics that are still subscribed. Throws `unavailable`;
 * the message is repeated then, and changes can arrive twice.
 */
export async function resumeReplay({ connectionId, replyTo, rest }: PendingReplay): Promise<void> {
  const connection = await Connection.find(connectionId);
  if (connection === undefined || hasExpired(connection)) return;
  const subscribed = new Set((await Connection.topicsOf(connectionId)).map(({ key }) => key));
  const session = openSession(connection, replyTo);
  const next = await continueReplay(rest, session, {
    until: replayDeadline(),
    isSubscribed: (key) => subscribed.has(key),
  });
  await leaveToQueue(session, next);
}
