import type { TransitionTable } from "./state-machine.ts";

/**
 * The states of a tracker, as STATES.md draws them. "Anchored" means that the watermark is known:
 * the seq up to which no change is wanted any more. Cursors are opaque, so it must be found out.
 */
export type TrackerState =
  /** The watermark is unknown. Changes are buffered, none is delivered. */
  | "unanchored"
  /** As `unanchored`, with a subscribe frame in flight. */
  | "anchoring"
  /** Anchored, and nothing is buffered: changes are delivered as they arrive. */
  | "live"
  /** Buffered changes wait for one before them. A timer runs until it is asked for. */
  | "gap"
  /** Changes may be missing, and a subscribe frame is due. */
  | "requested"
  /** Anchored, with a subscribe frame in flight. */
  | "replaying"
  /** The consumer is full. Arriving changes are dropped; a replay brings them after `resume`. */
  | "paused"
  /** The end. */
  | "closed";

export type TrackerEvent =
  /** A subscribe frame is about to be sent. */
  | "subscribe"
  /** The answer showed which change is the first after the cursor. */
  | "anchored"
  /** The answer to the subscribe frame is complete. */
  | "answered"
  /** The answer is missing or was lost in part: a refusal, a lost connection, a full buffer. */
  | "incomplete"
  /** Deliveries begin again from another cursor. */
  | "reset"
  /** All that could be delivered is delivered, and nothing is buffered. */
  | "drained"
  /** All that could be delivered is delivered, and changes are still buffered. */
  | "blocked"
  /** The consumer did not take a change. */
  | "refused"
  /** The consumer takes changes again. */
  | "resume"
  /** The gap did not close in time. */
  | "timeout"
  | "close";

// Each name once: the bundle is smaller.
const unanchored = "unanchored";
const anchoring = "anchoring";
const live = "live";
const gap = "gap";
const requested = "requested";
const replaying = "replaying";
const paused = "paused";
const closed = "closed";

/** The watermark is known. */
export const ANCHORED: ReadonlySet<TrackerState> = new Set([
  live,
  gap,
  requested,
  replaying,
  paused,
]);
/** A subscribe frame is in flight. */
export const IN_FLIGHT: ReadonlySet<TrackerState> = new Set([anchoring, replaying]);
/** Arriving changes are dropped. */
export const STOPPED: ReadonlySet<TrackerState> = new Set([paused, closed]);

// Events that several states cannot have, by the reason.
const noFrame = { anchored: null, answered: null, incomplete: null } as const;
const noTimer = { timeout: null } as const;
const noDelivery = { drained: null, blocked: null, refused: null } as const;

export const trackerTable: TransitionTable<TrackerState, TrackerEvent> = {
  unanchored: {
    subscribe: anchoring,
    reset: unanchored,
    resume: unanchored,
    close: closed,
    ...noFrame,
    ...noTimer,
    ...noDelivery,
  },
  anchoring: {
    subscribe: anchoring,
    anchored: replaying,
    answered: unanchored,
    incomplete: unanchored,
    reset: anchoring,
    resume: anchoring,
    close: closed,
    ...noTimer,
    ...noDelivery,
  },
  live: {
    subscribe: replaying,
    reset: unanchored,
    drained: live,
    blocked: gap,
    refused: paused,
    resume: live,
    close: closed,
    ...noFrame,
    ...noTimer,
  },
  gap: {
    subscribe: replaying,
    reset: unanchored,
    drained: live,
    blocked: gap,
    refused: paused,
    resume: gap,
    timeout: requested,
    close: closed,
    ...noFrame,
  },
  requested: {
    subscribe: replaying,
    reset: unanchored,
    drained: requested,
    blocked: requested,
    refused: paused,
    resume: requested,
    close: closed,
    ...noFrame,
    ...noTimer,
  },
  replaying: {
    subscribe: replaying,
    anchored: null, // it is already
    answered: live,
    incomplete: requested,
    reset: anchoring,
    drained: replaying,
    blocked: replaying,
    refused: paused,
    resume: replaying,
    close: closed,
    ...noTimer,
  },
  paused: {
    subscribe: paused,
    reset: unanchored,
    drained: paused,
    blocked: paused,
    refused: null, // nothing is delivered
    resume: requested,
    close: closed,
    ...noFrame,
    ...noTimer,
  },
  closed: {
    subscribe: closed,
    reset: closed,
    drained: closed,
    blocked: closed,
    refused: closed,
    resume: closed,
    close: closed,
    ...noFrame,
    ...noTimer,
  },
};
