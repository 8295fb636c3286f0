/** The connection that a client's frame came in on, and the answers to that frame. */

import * as Connection from "@stockwire/core/live/connection";
import type { ERROR_CODES, Reply, ServerFrame } from "@stockwire/core/live/protocol";
import { send } from "@stockwire/core/live/send";

export interface Session {
  connection: Connection.Connection;
  /** The `id` of the client's frame. */
  id: string | undefined;
  /** Answers the client's frame. Resolves to false if the connection is gone. */
  reply: (frame: Reply) => Promise<boolean>;
  /** Sends a frame that is text already, such as a replayed `events` frame. */
  send: (text: string) => Promise<boolean>;
}

/** Opens the session of one frame; its answers repeat the frame's `id` as `replyTo`. */
export function openSession(connection: Connection.Connection, id: string | undefined): Session {
  const sendText = async (text: string): Promise<boolean> => {
    const outcome = await send(connection, text);
    if (outcome === "gone") await Connection.forget(connection.id);
    return outcome === "sent";
  };
  return {
    connection,
    id,
    send: sendText,
    reply: (frame) =>
      sendText(JSON.stringify(id === undefined ? frame : { ...frame, replyTo: id })),
  };
}

/** An action that is refused; the client gets it as an `error` frame and stays connected. */
export class Refusal extends Error {
  readonly frame: Omit<Extract<ServerFrame, { type: "error" }>, "type">;
  constructor(code: (typeof ERROR_CODES)[number], detail: string, members: object = {}) {
    super(detail);
    this.frame = { code, detail, ...members };
  }
}
