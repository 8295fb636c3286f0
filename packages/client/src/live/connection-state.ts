import type { TransitionTable } from "./state-machine.ts";

/**
 * The states of the client's connection, and of the handover to a second connection while the first
 * still works. STATES.md draws both.
 */
export type ConnectionState =
  /** Not used yet. */
  | "idle"
  /** Gets a credential and opens a WebSocket. */
  | "connecting"
  /** A primary connection is open. */
  | "open"
  /** Waits before the next try. */
  | "waiting"
  /** The end. */
  | "closed";

export type ConnectionEvent =
  /** The caller subscribes, sends or joins. */
  | "use"
  | "opened"
  /** No connection could be opened. */
  | "failed"
  /** The primary connection ended, and no second one is open. */
  | "lost"
  /** The primary connection ended, and the second one takes its place. */
  | "replaced"
  /** The wait is over. */
  | "retry"
  | "close";

const connecting = "connecting";
const waiting = "waiting";
const open = "open";
const closed = "closed";

// Events that several states cannot have, by the reason.
const notConnecting = { opened: null, failed: null } as const;
const notOpen = { lost: null, replaced: null } as const;
const notWaiting = { retry: null } as const;

export const connectionTable: TransitionTable<ConnectionState, ConnectionEvent> = {
  idle: { use: connecting, close: closed, ...notConnecting, ...notOpen, ...notWaiting },
  connecting: {
    use: connecting,
    opened: open,
    failed: waiting,
    close: closed,
    ...notOpen,
    ...notWaiting,
  },
  open: {
    use: open,
    lost: waiting,
    replaced: open,
    close: closed,
    ...notConnecting,
    ...notWaiting,
  },
  waiting: { use: waiting, retry: connecting, close: closed, ...notConnecting, ...notOpen },
  // `close` ends a handshake, a wait and the open sockets; their ends arrive here.
  closed: {
    use: closed,
    opened: null,
    failed: closed,
    lost: closed,
    replaced: closed,
    retry: closed,
    close: closed,
  },
};

export type HandoverState =
  /** No second connection is wanted. */
  | "none"
  /** Opens the second connection. */
  | "connecting"
  /** The second connection is open and subscribes to all topics. The first still delivers. */
  | "subscribing"
  /** Waits before the next try. */
  | "waiting";

export type HandoverEvent =
  /** The server asked to move (`goaway`), or a ticket's token is about to expire. */
  | "start"
  | "opened"
  /** The second connection could not be opened, or was lost before it had caught up. */
  | "failed"
  /** The wait is over. */
  | "retry"
  /** The second connection is the primary one now, or the first was lost and none is needed. */
  | "end";

const none = "none";
const subscribing = "subscribing";

export const handoverTable: TransitionTable<HandoverState, HandoverEvent> = {
  none: { start: connecting, end: null, ...notConnecting, ...notWaiting },
  connecting: {
    start: connecting,
    opened: subscribing,
    failed: waiting,
    end: none,
    ...notWaiting,
  },
  subscribing: { start: subscribing, opened: null, failed: waiting, end: none, ...notWaiting },
  waiting: { start: waiting, retry: connecting, end: none, ...notConnecting },
};
