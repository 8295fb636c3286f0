/**
 * What a reply in AWS's JSON protocols means: a result, or an error with the name and the members that
 * the SDK's errors have.
 * https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 */

import type Zlib from "node:zlib";
import type { Answer } from "./client.ts";

/** What an error adds to `Error`, apart from the members of its reply, such as `Item`. */
export interface ErrorMembers {
  /** Whose fault it is. Absent if the reply could not be read. */
  $fault?: "client" | "server";
  $metadata: { httpStatusCode: number; requestId?: string; clockSkewCorrected?: boolean };
  /** The reply, not enumerable. */
  $response: { statusCode: number };
}

/** Whose fault an error is by its definition, whatever the status says. By its name. */
export type Faults = Readonly<Record<string, ErrorMembers["$fault"]>>;

/** Returns the parsed body of a successful reply. Throws the error of any other. */
export function read(reply: Answer, faults: Faults = {}): unknown {
  const { status, body, broken } = reply;
  let parsed: unknown;
  try {
    if (broken) throw broken;
    verifyChecksum(reply);
    parsed = body.length === 0 ? {} : JSON.parse(body.toString());
  } catch (error) {
    throw unreadable(error, reply);
  }
  if (status < 300) return parsed;
  throw failure(isObject(parsed) ? parsed : {}, reply, faults);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** Loaded with the first reply, and kept: to find it again takes longer than a checksum. */
let zlib: typeof Zlib | undefined;

/** DynamoDB sends the CRC32 of the body. The SDK does not compare it. */
function verifyChecksum({ headers, body }: Answer): void {
  const { "x-amz-crc32": expected, "content-encoding": encoding } = headers;
  if (typeof expected !== "string" || encoding !== undefined) return;
  zlib ??= process.getBuiltinModule("node:zlib");
  if (zlib.crc32(body) !== Number(expected)) throw new Error("the checksum of a reply is wrong");
}

const metadataOf = ({ status, headers, clockSkewCorrected }: Answer): ErrorMembers["$metadata"] => {
  const { "x-amzn-requestid": requestId } = headers;
  return {
    httpStatusCode: status,
    ...(typeof requestId === "string" && { requestId }),
    ...(clockSkewCorrected && { clockSkewCorrected }),
  };
};

/** A reply that breaks off or is not JSON: the call may have been applied. */
function unreadable(cause: unknown, reply: Answer): Error {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return withResponse(Object.assign(error, { $metadata: metadataOf(reply) }), reply);
}

function failure(body: Record<string, unknown>, reply: Answer, faults: Faults): Error {
  const name = codeOf(body, reply);
  const byStatus = reply.status < 500 ? "client" : "server";
  const $fault = (Object.hasOwn(faults, name) && faults[name]) || byStatus;
  const { message, Message, ...members } = body;
  const text = message ?? Message;
  const error = new Error(typeof text === "string" && text !== "" ? text : "UnknownError");
  Object.assign(error, { ...members, name, $fault, $metadata: metadataOf(reply) });
  return withResponse(error, reply);
}

const withResponse = (error: Error, { status }: Answer): Error =>
  Object.defineProperty(error, "$response", { value: { statusCode: status }, configurable: true });

/** The name of an error: `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException` and the like. */
function codeOf(body: Record<string, unknown>, { headers }: Answer): string {
  const given = body["__type"] ?? body["code"] ?? headers["x-amzn-errortype"];
  if (typeof given !== "string" && typeof given !== "number") return "Unknown";
  const code = String(given).split(",")[0]?.split(":")[0] ?? "";
  return code.split("#")[1] ?? code;
}
