import type { Dialer } from "./dial.ts";
import { LiveError } from "../error.ts";
import type { Socket } from "./socket.ts";
import type { Timers } from "../timers.ts";

interface RenewalPort {
  /** Moves to another connection: a ticket opened this one, and there is no token to give. */
  move: () => void;
  /** The new token does not permit these topics. */
  lost: (topics: readonly string[]) => void;
  report: (detail: string, cause: unknown) => void;
  /** Waits longer after each failure; false at the end of all. */
  pause: (failures: number) => Promise<boolean>;
}

const ANSWER_WITHIN = 30_000; // ms
/** Ms before its end that a token is replaced, or a fifth of what it lives. */
const MARGIN = 60_000;

/** Ms, however wrong the clock here is. */
const SOONEST = 10_000;

/** Replaces a connection's token before it ends. */
export class Renewal {
  readonly #dialer: Dialer;
  readonly #timers: Timers;
  readonly #port: RenewalPort;

  constructor(dialer: Dialer, timers: Timers, port: RenewalPort) {
    this.#dialer = dialer;
    this.#timers = timers;
    this.#port = port;
  }

  /** In time before `authExpiresAt`; never for a token without an end. */
  later(socket: Socket, authExpiresAt: string | null): void {
    if (authExpiresAt === null) return;
    const left = Date.parse(authExpiresAt) - this.#timers.now();
    const wait = Math.max(left - Math.min(MARGIN, left / 5), SOONEST);
    socket.after(wait, () => void this.#renew(socket, 1));
  }

  async #renew(socket: Socket, failures: number): Promise<void> {
    if (!this.#dialer.hasToken) {
      this.#port.move();
      return;
    }
    const again = async (error: unknown) => {
      this.#port.report("no fresh token", error);
      const goesOn = await this.#port.pause(failures);
      if (goesOn && socket.isOpen) await this.#renew(socket, failures + 1);
    };
    try {
      const token = await this.#dialer.renewed();
      socket.ask({ action: "auth", token }, ANSWER_WITHIN, (reply) => {
        if (reply?.type === "ack") this.later(socket, reply.authExpiresAt);
        else if (reply?.type === "unsubscribed") this.#port.lost(reply.topics);
        else if (reply?.type === "error") void again(new LiveError(reply.code, reply.detail));
        else if (socket.isOpen) void again(new LiveError("no_answer", "auth was not answered"));
        return reply?.type !== "unsubscribed";
      });
    } catch (error) {
      await again(error);
    }
  }
}
