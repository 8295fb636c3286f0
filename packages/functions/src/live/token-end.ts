/**
 * Closes connections whose token has expired, also silent ones. Between invocations no timer runs on
 * AWS, so a delayed message of the delivery queue is the timer: it is sent when a connection opens, and
 * sent again while the token is valid, since a message can be delayed by 15 minutes at most. Other
 * timers of AWS are too coarse (EventBridge Scheduler: a minute; TTL: days). A message that is lost
 * costs little: an expired connection gets no changes, and its next frame closes it.
 */

import * as Connection from "@stockwire/core/live/connection";
import type { Reply } from "@stockwire/core/live/protocol";
import { disconnect, send, type SendOutcome } from "@stockwire/core/live/send";
import { log } from "../runtime.ts";
import { enqueueLater, type TokenEnd } from "./delivery-queue.ts";

type Target = Pick<Connection.Connection, "id" | "authExpiresAt">;

/** Seconds until a connection that could not be closed is tried again. */
const RETRY = 2;

export const hasExpired = ({ authExpiresAt }: Pick<Target, "authExpiresAt">): boolean =>
  authExpiresAt !== undefined && authExpiresAt <= Date.now();

/** Sends the message that closes the connection when its token has expired. Never rejects. */
export async function scheduleTokenEnd({ id, authExpiresAt }: Target): Promise<void> {
  if (authExpiresAt === undefined) return;
  try {
    const tokenEnd = { connectionId: id, authExpiresAt };
    await enqueueLater?.({ tokenEnd }, (authExpiresAt - Date.now()) / 1000);
  } catch (error) {
    log.error("token end", error, { connectionId: id });
  }
}

/**
 * Sends a new message if a token that replaces another expires earlier: the message for the old token
 * finds a later end by itself, but would arrive too late for an earlier one.
 */
export async function rescheduleTokenEnd(old: Target, renewed: Target): Promise<void> {
  const { authExpiresAt: before = Infinity } = old;
  const { authExpiresAt: now = Infinity } = renewed;
  if (now < before) await scheduleTokenEnd(renewed);
}

/**
 * Takes a message: closes the connection if its token has expired, and sends the message again if it
 * is still valid. Throws `unavailable`.
 */
export async function checkTokenEnd(message: TokenEnd): Promise<void> {
  const connection = await Connection.find(message.connectionId);
  const end = connection?.authExpiresAt;
  // It is closed already, its token does not expire, or an earlier end has a message of its own.
  if (connection === undefined || end === undefined || end < message.authExpiresAt) return;
  if (!hasExpired(connection)) {
    await scheduleTokenEnd(connection);
    return;
  }
  const outcome = await closeExpired(connection, (frame) =>
    send(connection, JSON.stringify(frame)),
  );
  log.info("token end", { connectionId: connection.id, outcome });
  if (outcome === "sent") return;
  // API Gateway does not know a connection before its handshake has ended.
  if (outcome === "gone") await Connection.forgetIfGone(connection.id, []);
  if (await Connection.find(connection.id)) await enqueueLater?.({ tokenEnd: message }, RETRY);
}

/** Notifies the client that its token has expired, and closes the connection. */
export async function closeExpired(
  connection: Connection.Connection,
  reply: (frame: Reply<"error">) => Promise<unknown>,
): Promise<SendOutcome> {
  await reply({ type: "error", code: "unauthenticated", detail: "The token has expired" });
  const outcome = await disconnect(connection);
  if (outcome === "sent") await Connection.forget(connection.id);
  return outcome;
}
