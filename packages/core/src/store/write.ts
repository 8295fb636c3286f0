import type { Attributes, Write } from "./dynamodb.ts";

/** Who writes, why and when. Every record carries it, so that the stream's images do. */
export interface Writer {
  actor: string;
  requestId: string;
  clientRef?: string | undefined;
  at: string; // ISO 8601, UTC, ms: the request's one clock read
  idempotency?: IdempotentRequest | undefined;
}

/** What an Idempotency-Key stands for; the fingerprint covers method, path and body. */
export interface IdempotentRequest {
  key: string;
  fingerprint: string;
}

/** What a verb did. `changed` is false if all was as asked already: nothing was written. */
export interface Outcome<T> {
  value: T;
  changed: boolean;
  replayed: boolean;
}

/** A write that goes with a record's own, and what to throw when its condition does not hold. */
export interface Step {
  write: Write;
  refused: (old: Attributes | undefined) => Error;
}

/** Ms of a request's life in which rivals may be tried again; then it answers `unavailable`. */
const PATIENCE = 20_000;

/** When a request stops trying, in epoch ms. */
export const deadlineOf = (writer: Writer): number => Date.parse(writer.at) + PATIENCE;
