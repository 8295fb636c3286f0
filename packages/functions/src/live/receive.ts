import { AppError } from "@stockwire/core/error";
import * as Connection from "@stockwire/core/live/connection";
import { ACTIONS, ClientFrame } from "@stockwire/core/live/protocol";
import { disconnect } from "@stockwire/core/live/send";
import { bodyFaults, validate } from "../api/input.ts";
import { log } from "../runtime.ts";
import { perform } from "./actions.ts";
import { openSession, Refusal } from "./session.ts";

const MAX_FAULTS = 20; // in one `error` frame

/**
 * Parses a client's frame, performs its action and answers it. Whatever the frame holds, the
 * connection stays open. A connection that the server has forgotten is closed, so that its client
 * opens another one and does not wait for answers and changes that never come. `endpoint` is the
 * management endpoint of the gateway that has the socket. Throws only if an answer cannot be sent
 * or the connection not be read.
 */
export async function receive(connectionId: string, endpoint: string, body: string): Promise<void> {
  const connection = await Connection.find(connectionId);
  if (connection === undefined) {
    const outcome = await disconnect({ id: connectionId, endpoint });
    log.info("unknown connection", { connectionId, closed: outcome !== "failed" });
    return;
  }
  const given = objectIn(body);
  const id = typeof given?.["id"] === "string" ? given["id"].slice(0, 64) : undefined;
  const session = openSession(connection, id);
  try {
    await perform(parseFrame(given), session);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) log.error("action", error, { connectionId });
    await session.reply({
      type: "error",
      ...(refusal ?? { code: "internal", detail: "This failed on our side" }),
    });
  }
}

/** The JSON object in a text; undefined for any other text. */
function objectIn(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parseFrame(given: Record<string, unknown> | undefined): ClientFrame {
  if (given === undefined) throw new Refusal("invalid_frame", "A frame is a JSON object");
  if (!(ACTIONS as readonly unknown[]).includes(given["action"])) {
    throw new Refusal("unknown_action", `An action is one of ${ACTIONS.join(", ")}`);
  }
  const result = validate(ClientFrame, given);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(bodyFaults).slice(0, MAX_FAULTS);
  throw new Refusal("invalid_frame", errors[0]?.detail ?? "Not a frame of this action", { errors });
}

function refusalOf(error: unknown): Refusal["frame"] | undefined {
  if (error instanceof Refusal) return error.frame;
  if (!(error instanceof AppError)) return undefined;
  if (error.code === "invalid_cursor") return { code: "invalid_cursor", detail: error.message };
  if (error.code === "unavailable") return { code: "unavailable", detail: error.message };
  return undefined;
}
