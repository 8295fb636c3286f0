import { type Client, createClient } from "@stockwire/client/http";
import { createLive, type Live } from "@stockwire/client/live";
import { effect, signal } from "@preact/signals";
import { CuttableSocket } from "./line.ts";
import { generation, goodToken, session } from "./session.ts";
import { target } from "./here.ts";

/** What pages speak to the server with. */
export interface Connection {
  http: Client;
  live: Live;
}

/** Told in this window's changes, so that one knows one's own. */
export const CLIENT_REF = `console-${crypto.randomUUID().slice(0, 8)}`;

export const connection = signal<Connection>();

export type Status = "offline" | "connecting" | "live";
export const status = signal<Status>("offline");

/** What the server calls this window. */
export const connectionId = signal("");

function connect(): Connection {
  const http = createClient({ baseUrl: target.api, token: goodToken, clientRef: CLIENT_REF });
  const live = createLive({ url: target.live, token: goodToken, WebSocket: CuttableSocket });
  live.on("open", (welcome) => {
    status.value = "live";
    connectionId.value = welcome.connectionId;
  });
  live.on("down", () => (status.value = "connecting"));
  // Everybody is in the lobby; asking for it opens the connection before a page needs one.
  live.join("lobby").catch(() => undefined);
  return { http, live };
}

/** A new token is a new connection, one that was merely renewed is not. */
effect(() => {
  if (generation.value === 0 || session.peek() === undefined) return undefined;
  const made = connect();
  connection.value = made;
  status.value = "connecting";
  return () => {
    made.live.close();
    connection.value = undefined;
    status.value = "offline";
  };
});
