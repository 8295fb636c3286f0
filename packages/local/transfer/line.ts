/** One row of a file, and the text of files. */

import { createReadStream } from "node:fs";
import { AppError } from "@stockwire/core/error";
import { parseExactly } from "@stockwire/core/strict-json";
import { isRecord } from "@stockwire/gateway/json";
import { LocalError } from "../error.ts";
import type { Values } from "./resource.ts";

/** Why a row is not imported. */
export interface Fault {
  code: string;
  message: string;
}

/** A row has values, or a fault if it cannot be read. */
export interface Line {
  /** Where it begins; the first line of a file is 1. */
  line: number;
  values?: Values;
  fault?: Fault;
}

/** The most characters of a row. A batch of the API is not larger. */
export const MAX_LINE = 1024 * 1024;

/** As deep as a body of the API. */
const MAX_DEPTH = 20;

/** Reads a JSON object, by the rules for bodies of the API. */
export function parseObject(text: string): Pick<Line, "values" | "fault"> {
  try {
    const values = parseExactly(text, MAX_DEPTH);
    if (isRecord(values)) return { values };
    return { fault: { code: "invalid_request", message: "This is not a JSON object" } };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = error.code === "invalid_json" ? "This is not JSON" : error.message;
    return { fault: { code: error.code, message } };
  }
}

/** The text of a file in parts, without a byte order mark. Throws LocalError if it is not UTF-8. */
export async function* textsOf(file: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of createReadStream(file)) {
      yield decoder.decode(bytes as Buffer, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new LocalError("the file is not UTF-8", { cause: error });
    throw error;
  }
}
