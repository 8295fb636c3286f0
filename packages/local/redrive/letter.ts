/** What dead letters hold, wherever they are kept. */

import { isRecord } from "@stockwire/gateway/json";
import { messageOf } from "../error.ts";

/** A dead letter, as its queue or file has it. */
export interface Letter {
  id: string;
  /** ISO 8601; undefined if unknown. */
  sentAt?: string | undefined;
  body: string;
}

/** The letters of one queue. */
export interface DeadLetters {
  /** About how many letters there are. */
  count(): Promise<number>;
  /**
   * All letters, each once. A letter that is not removed stays. `take`: letters that arrive meanwhile
   * are left for the next time.
   */
  letters(options: { take: boolean }): AsyncIterable<Letter>;
  /** What a letter holds, for people. Throws if it cannot be read. */
  describe(letter: Letter): Promise<string>;
  /** Sends a letter's content where it failed. Throws if it fails again. */
  send(letter: Letter): Promise<void>;
  /** Deletes a letter. */
  remove(letter: Letter): Promise<void>;
  /** Makes all letters that are left visible to others again. */
  release(): Promise<void>;
}

interface StreamRecord {
  eventID?: string;
  dynamodb?: { Keys?: unknown; NewImage?: unknown; OldImage?: unknown };
}

/** A dead letter of the stream. */
export interface StreamLetter {
  condition: string;
  error?: string | undefined;
  records: StreamRecord[];
}

/** Where Lambda has put a failed batch, if the letter is EventBridge's message about that object. */
export function objectOf(body: string): { bucket: string; key: string } | undefined {
  const event = parse(body);
  if (!isRecord(event) || event["detail-type"] !== "Object Created") return undefined;
  const { bucket, object } = isRecord(event["detail"]) ? event["detail"] : {};
  const name = isRecord(bucket) ? bucket["name"] : undefined;
  const key = isRecord(object) ? object["key"] : undefined;
  return typeof name === "string" && typeof key === "string" ? { bucket: name, key } : undefined;
}

/**
 * Reads a letter of the function, or the object that Lambda writes for a failed batch, in which
 * `payload` is the event as text. Throws if it has no records.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export function streamLetter(body: string): StreamLetter {
  const letter = parse(body);
  const payload = isRecord(letter) ? letter["payload"] : undefined;
  const event = typeof payload === "string" ? parse(payload) : payload;
  if (!isRecord(letter) || !isRecord(event) || !Array.isArray(event["Records"])) {
    throw new Error("it has no records of the stream");
  }
  const { requestContext, responsePayload } = letter;
  const condition = isRecord(requestContext) ? requestContext["condition"] : undefined;
  const error = isRecord(responsePayload) ? responsePayload["errorMessage"] : undefined;
  return {
    condition: typeof condition === "string" ? condition : "unknown condition",
    error: typeof error === "string" ? error : undefined,
    records: event["Records"] as StreamRecord[],
  };
}

/** One line about a letter of the stream. */
export function describeStreamLetter({ condition, error, records }: StreamLetter): string {
  const keys = records.map(({ dynamodb }) => keyOf(dynamodb?.Keys));
  const shown = [...keys.slice(0, 3), ...(keys.length > 3 ? ["…"] : [])].join(", ");
  const count = records.length === 1 ? "1 record" : `${records.length} records`;
  return `${condition}, ${count}: ${shown}${error === undefined ? "" : ` (${error})`}`;
}

function keyOf(keys: unknown): string {
  const { pk } = isRecord(keys) ? keys : {};
  return isRecord(pk) && typeof pk["S"] === "string" ? pk["S"] : "no key";
}

/**
 * Invokes `changes` with the records of a letter. If they fail together, invokes it with each alone, so
 * that one record does not keep the others from the log. Throws if a record fails, or if one has only
 * its keys. With `isRedrive` the function reports what it cannot read, and sends no second letter.
 */
export async function sendRecords(
  { records }: StreamLetter,
  invoke: (event: object) => Promise<unknown>,
): Promise<void> {
  const isWhole = ({ dynamodb }: StreamRecord) =>
    dynamodb?.NewImage !== undefined || dynamodb?.OldImage !== undefined;
  if (!records.every(isWhole)) {
    throw new Error("a record has only its keys, it was too large: write it again with a change");
  }
  const send = async (Records: StreamRecord[]) =>
    checkResult(await invoke({ Records, isRedrive: true }));
  try {
    return await send(records);
  } catch (error) {
    if (records.length === 1) throw error;
  }
  const faults: string[] = [];
  for (const record of records) {
    await send([record]).catch((error: unknown) => {
      faults.push(`${keyOf(record.dynamodb?.Keys)}: ${messageOf(error)}`);
    });
  }
  if (faults.length > 0) {
    throw new Error(`${faults.length} of ${records.length} records failed, first ${faults[0]}`);
  }
  return undefined;
}

/** Throws if the answer of `changes` names failed records. */
function checkResult(result: unknown): void {
  const failures = isRecord(result) ? result["batchItemFailures"] : undefined;
  if (!Array.isArray(failures)) throw new Error(`the function answered ${JSON.stringify(result)}`);
  if (failures.length > 0) throw new Error("it still cannot be read, see the function's log");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${messageOf(error)}`, { cause: error });
  }
}
