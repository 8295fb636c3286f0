/**
 * Sends frames to connections through the management API of the gateway that has their sockets. A
 * connection that is gone or does not take a frame is a result, not an error, so that it cannot
 * stop a delivery to others.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */

import { openEndpoint } from "../aws/client.ts";
import { type ErrorMembers, read } from "../aws/reply.ts";
import { createRepeat } from "../aws/retry.ts";
import { encode } from "../signature.ts";

interface Target {
  id: string; // of the connection
  endpoint: string;
}

const ATTEMPTS = 3;
const TIMEOUT = 2_000; // ms
const MAX_SOCKETS = 64; // of one endpoint

/** Calls a connection, and repeats the call as the SDK does. Rejects with API Gateway's error. */
type Caller = (method: "POST" | "GET" | "DELETE", id: string, frame?: string) => Promise<void>;

const callers = new Map<string, Caller>(); // by endpoint

/**
 * `POST @connections` of a gateway in this process: sends the frame and returns the status that an
 * HTTP answer would have.
 */
export type DirectPost = (connectionId: string, frame: Buffer) => number;

const directPosts = new Map<string, DirectPost>(); // by endpoint

/**
 * Sends frames to the connections of `endpoint` through `direct` instead of HTTP, until the returned
 * function is called. A gateway in the same process saves a signature and a request for each frame.
 * What it does not accept is sent over HTTP as usual.
 */
export function sendDirectly(endpoint: string, direct: DirectPost): () => void {
  directPosts.set(endpoint, direct);
  return () => void directPosts.delete(endpoint);
}

function callerOf(endpoint: string): Caller {
  const known = callers.get(endpoint);
  if (known) return known;
  const url = new URL(endpoint);
  const stage = url.pathname.replace(/\/$/, "");
  const region = process.env["AWS_REGION"] ?? "us-east-1";
  const service = "execute-api";
  const options = { url, region, service, maxSockets: MAX_SOCKETS, timeout: TIMEOUT };
  const { send: attempt } = openEndpoint(options);
  const repeat = createRepeat(ATTEMPTS);
  const caller: Caller = (method, id, frame) =>
    repeat(async () => {
      const reply = await attempt({
        method,
        path: `${stage}/@connections/${encode(id)}`,
        ...(frame !== undefined && {
          headers: { "content-type": "application/octet-stream" },
          body: frame,
        }),
      });
      if (reply.status >= 300) read(reply); // throws
    });
  callers.set(endpoint, caller);
  return caller;
}

/**
 * `gone` if the connection does not exist any more; `failed` if it did not take the frame in time.
 */
export type SendOutcome = "sent" | "gone" | "failed";

/** Sends one text frame. */
export async function send({ id, endpoint }: Target, frame: string): Promise<SendOutcome> {
  const status = directPosts.get(endpoint)?.(id, bytesOf(frame));
  if (status === 200) return "sent";
  if (status === 410) return "gone";
  return outcomeOf(callerOf(endpoint)("POST", id, frame));
}

let latest = { frame: "", bytes: Buffer.alloc(0) };

/** The bytes of the latest frame are kept, since a broadcast sends the same one to each connection. */
function bytesOf(frame: string): Buffer {
  if (latest.frame !== frame) latest = { frame, bytes: Buffer.from(frame) };
  return latest.bytes;
}

/** Closes a connection; its client sees a normal closure. */
export const disconnect = ({ id, endpoint }: Target): Promise<SendOutcome> =>
  outcomeOf(callerOf(endpoint)("DELETE", id));

/**
 * True if a connection certainly does not exist any more: the gateway says so, or no process
 * listens at its endpoint. False in case of doubt.
 */
export async function isGone({ id, endpoint }: Target): Promise<boolean> {
  try {
    await callerOf(endpoint)("GET", id);
    return false;
  } catch (error) {
    return statusOf(error) === 410 || (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
  }
}

async function outcomeOf(call: Promise<void>): Promise<SendOutcome> {
  try {
    await call;
    return "sent";
  } catch (error) {
    return statusOf(error) === 410 ? "gone" : "failed";
  }
}

const statusOf = (error: unknown): number | undefined =>
  (error as Partial<ErrorMembers>).$metadata?.httpStatusCode;
