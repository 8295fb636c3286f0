/**
 * Replaces a connection's token before it expires, because the server ends a connection whose token
 * has expired. A token is replaced in place; a ticket needs another connection.
 */

import { LiveError } from "../error.ts";
import type { Timers } from "../timer.ts";
import type { Handshake } from "./handshake.ts";
import type { Socket } from "./socket.ts";

interface RenewalPort {
  handshake: Handshake;
  timers: Timers;
  /** Moves to another connection: a ticket opened this one, so the client has no token to send. */
  move: () => void;
  /** The new token does not permit these topics. */
  lost: (topics: readonly string[]) => void;
  report: (detail: string, cause: unknown) => void;
  /** Waits longer after each failure in a row; false once the client is closed. */
  pause: (failures: number) => Promise<boolean>;
}

/** Ms before its end that a token is replaced; a fifth of its lifetime if that is shorter. */
const MARGIN = 60_000;
/** The shortest wait in ms: a wrong clock on this machine must not cause a storm of renewals. */
const MIN_WAIT = 10_000;

/** Plans the renewal before `authExpiresAt` (ISO 8601); null is a token that does not expire. */
export function scheduleRenewal(
  socket: Socket,
  authExpiresAt: string | null,
  port: RenewalPort,
): void {
  if (authExpiresAt === null) return;
  const left = Date.parse(authExpiresAt) - port.timers.now();
  const wait = Math.max(left - Math.min(MARGIN, left / 5), MIN_WAIT);
  socket.after(wait, () => void renew(socket, 1, port));
}

async function renew(socket: Socket, failures: number, port: RenewalPort): Promise<void> {
  if (!port.handshake.hasToken) {
    port.move();
    return;
  }
  const retry = async (error: unknown) => {
    port.report("The token could not be renewed", error);
    const waited = await port.pause(failures);
    if (waited && socket.isOpen()) await renew(socket, failures + 1, port);
  };
  try {
    const token = await port.handshake.renewedToken();
    socket.request({ action: "auth", token }, (reply) => {
      if (reply?.type === "ack") scheduleRenewal(socket, reply.authExpiresAt, port);
      else if (reply?.type === "unsubscribed") port.lost(reply.topics);
      else if (reply?.type === "error") void retry(new LiveError(reply.code, reply.detail));
      else if (socket.isOpen()) void retry(new LiveError("no_answer", "auth was not answered"));
      return reply?.type !== "unsubscribed"; // `ack` follows
    });
  } catch (error) {
    await retry(error);
  }
}
