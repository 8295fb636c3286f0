/**
 * The clients through which pages use the HTTP API and the Live API. A session has one pair; it is
 * closed when the session ends or is replaced.
 */

import { computed, effect, signal } from "@preact/signals";
import { type Client, createClient } from "@stockwire/client/http";
import { createLive, type Live } from "@stockwire/client/live";
import { InterruptibleSocket } from "./interruptible-socket.ts";
import { isWithin, type Outage } from "./outage.ts";
import { generation, httpToken, session, target, validToken } from "./session.ts";

export interface Connection {
  http: Client;
  live: Live;
}

/** Sent with this window's requests, and found in their changes as `clientRef`. */
export const CLIENT_REF = `console-${crypto.randomUUID().slice(0, 8)}`;

/** Undefined while there is no session. */
export const connection = signal<Connection>();

export type Status = "offline" | "connecting" | "live";
export const status = signal<Status>("offline");

/** The outages since the session began, newest first; the latest 20. */
export const outages = signal<readonly Outage[]>([]);

/** True while the server is gone: what is shown may be old, and actions are off. */
export const isAway = computed(() => {
  const [latest] = outages.value;
  return latest !== undefined && latest.to === undefined;
});

/** True if a change was committed while this page had no connection; `at` is its time. */
export const isLate = (at: string): boolean => isWithin(outages.peek(), at);

const KEPT = 20; // outages
const LOBBY_DELAY = 300; // ms

const noteLoss = () => {
  if (isAway.peek()) return;
  outages.value = [{ from: Date.now(), to: undefined }, ...outages.peek()].slice(0, KEPT);
};

const noteReturn = () => {
  const [latest, ...rest] = outages.peek();
  if (latest && latest.to === undefined) outages.value = [{ ...latest, to: Date.now() }, ...rest];
};

/** The server's id of this window's WebSocket connection. */
export const connectionId = signal("");

function connect(): Connection {
  const http = createClient({ baseUrl: target.api, token: httpToken, clientRef: CLIENT_REF });
  const live = createLive({ url: target.live, token: validToken, WebSocket: InterruptibleSocket });
  live.on("open", (welcome) => {
    status.value = "live";
    noteReturn();
    connectionId.value = welcome.connectionId;
  });
  live.on("down", () => {
    status.value = "connecting";
    noteLoss();
  });
  // Every connection is in the lobby. Joining it opens the connection also for a page that subscribes
  // to nothing, and late, so that the first rows of the others come before it.
  setTimeout(() => void live.join("lobby").catch(() => undefined), LOBBY_DELAY);
  return { http, live };
}

// `generation` rises with a new session but not with a renewed token, so a renewal does not reconnect.
effect(() => {
  if (generation.value === 0 || session.peek() === undefined) return undefined;
  const opened = connect();
  connection.value = opened;
  status.value = "connecting";
  return () => {
    opened.live.close();
    connection.value = undefined;
    status.value = "offline";
    outages.value = [];
  };
});
