/**
 * The policy for failed calls to DynamoDB. A call is repeated here and not by the SDK, since only the
 * writer knows whether a repetition is safe: one that DynamoDB refused was not applied, one whose
 * reply was lost may have been.
 */

import type { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { setTimeout as pause } from "node:timers/promises";
import { AppError } from "../error.ts";
import { unmarshall } from "./attribute-value.ts";

/**
 * Errors of DynamoDB that say: not applied, try again. A single write that meets a transaction on
 * the same item is a TransactionConflictException.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
const REFUSED: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "TransactionConflictException",
  "TransactionInProgressException",
]);
/**
 * Errors that say: not applied, since the signature's time is too far from the server's.
 * https://docs.aws.amazon.com/general/latest/gr/signature-v4-troubleshooting.html
 */
const WRONG_TIME: ReadonlySet<string> = new Set([
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
]);
const NO_REPLY: ReadonlySet<string> = new Set(["TimeoutError", "AbortError"]);
const NETWORK_CODE = /^E[A-Z_]+$/; // ECONNRESET, ENOTFOUND, …

/** DynamoDB refused a transaction because of other calls; the same transaction may succeed. */
export class Contention extends Error {}

/** `refused`: not applied, the same call may succeed. `lost`: it may have been applied. */
function kindOf(error: unknown): "refused" | "lost" | "final" {
  if (!(error instanceof Error) || error instanceof AppError) return "final";
  if (error instanceof Contention) return "refused";
  const { $fault, $metadata, code } = error as {
    $fault?: string;
    $metadata?: { clockSkewCorrected?: boolean };
    code?: unknown;
  };
  if (REFUSED.has(error.name)) return "refused";
  // The client has corrected its clock by the date of the reply, so the next signature will be valid.
  // Any other error is the answer to the call, and says nothing else because of the clock.
  if ($metadata?.clockSkewCorrected && WRONG_TIME.has(error.name)) return "refused";
  const lost =
    NO_REPLY.has(error.name) ||
    $fault === "server" ||
    (typeof code === "string" && NETWORK_CODE.test(code)) ||
    ($fault === undefined && "$response" in error); // a reply that the SDK could not parse
  return lost ? "lost" : "final";
}

export const unavailable = (cause: unknown) =>
  new AppError("unavailable", "The store did not answer in time; try again", { cause });

/** A call ended as `unavailable`, and it is unknown whether it was applied. */
export class ReplyLost extends AppError {
  constructor(cause: unknown) {
    super("unavailable", "The store did not answer in time; try again", { cause });
  }
}

/** The condition of a single write did not hold. */
export class ConditionFailed extends Error {
  /** The item as it is now, if it exists. */
  readonly old: Record<string, unknown> | undefined;
  /** True if an earlier attempt of this write got no reply, so that it may have been applied. */
  readonly mayBeApplied: boolean;
  constructor(old: Record<string, unknown> | undefined, mayBeApplied = false) {
    super("the condition of a write did not hold");
    this.old = old;
    this.mayBeApplied = mayBeApplied;
  }
}

export function translate(error: unknown, mayBeApplied: boolean): unknown {
  if (error instanceof Error && error.name === "ConditionalCheckFailedException") {
    const { Item } = error as ConditionalCheckFailedException;
    return new ConditionFailed(Item && unmarshall(Item), mayBeApplied);
  }
  const kind = kindOf(error);
  if (kind === "final") return error;
  return mayBeApplied || kind === "lost" ? new ReplyLost(error) : unavailable(error);
}

/** Ms in which a call that DynamoDB refuses is repeated, unless its caller sets a deadline. */
const CALL_TIME = 2_400;
/** Ms without a reply after which a call is not sent again. It ends one timeout later. */
const SILENCE = 1_200;
/** Attempts without a reply. */
const MAX_LOST = 3;
/** Ms for the only attempt of a call while the store is silent. */
const PROBE_TIMEOUT = 400;

/**
 * True after a call to which the store did not reply at all, until it replies to another. A request
 * whose second call meets the same silence must not wait for all of it again.
 */
let silent = false;

/** Forgets that the store was silent: its endpoint may be another one now. */
export const forgetSilence = (): void => {
  silent = false;
};

export interface Limits {
  /** Epoch ms until which a call that DynamoDB refuses is repeated. */
  deadline?: number | undefined;
  /** False if the call must not be sent again after its reply was lost. */
  repeatLost?: boolean;
}

export interface SendOptions {
  requestTimeout?: number; // ms
}

/**
 * Makes a call, and repeats it if DynamoDB refuses it or the reply is lost. `mayBeApplied` is true
 * after a lost reply. A call without any reply ends within 2.4 s with the client's default timeout.
 */
export async function call<T>(
  attempt: (options: SendOptions, mayBeApplied: boolean) => Promise<T>,
  { deadline = Date.now() + CALL_TIME, repeatLost = true }: Limits = {},
): Promise<T> {
  let lost = 0;
  let mayBeApplied = false;
  let answeredAt = Date.now();
  for (let tries = 1; ; tries++) {
    try {
      const options = silent ? { requestTimeout: PROBE_TIMEOUT } : {};
      const result = await attempt(options, mayBeApplied);
      silent = false;
      return result;
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "lost") {
        lost++;
        mayBeApplied = true;
        const late = Date.now() - answeredAt > SILENCE;
        if (!repeatLost || lost === MAX_LOST || late || silent) {
          if (error instanceof Error && NO_REPLY.has(error.name)) silent = true;
          throw translate(error, mayBeApplied);
        }
      } else {
        if (!(error instanceof AppError)) silent = false; // DynamoDB has replied
        if (kind === "final" || Date.now() > deadline) throw translate(error, mayBeApplied);
        lost = 0;
        answeredAt = Date.now();
      }
      await (isConflict(error) ? backOffConflict(tries) : backOff(tries));
    }
  }
}

/** Waits longer with each attempt, and randomly, so that two writers do not collide again. */
export const backOff = (tries: number) => pause(Math.random() * Math.min(250, 5 * 2 ** tries));

/**
 * Waits before a write is repeated that lost a race. Of several writers one always wins, so a short
 * wait is enough. It shrinks with each attempt: otherwise later writers would win again and again.
 */
const backOffConflict = (tries: number) => pause(Math.random() * Math.max(2, 20 - tries));

/**
 * Waits before a write is repeated that was built from a version which another write has replaced. Who
 * has lost a few times does not wait any more, and the others give way: with 16 writers in 8 processes a
 * success has 4 calls in place of 7.
 */
export const giveWay = async (tries: number): Promise<void> => {
  if (tries < 6) await pause(20 + Math.random() * 40);
};

const isConflict = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "TransactionConflictException" ||
    (error instanceof Contention && error.message === "TransactionConflict"));
