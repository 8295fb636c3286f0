/** Files of records: their formats, and a first look at a file before any of it is imported. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { LocalError } from "../error.ts";
import { csvHeader, csvLines, readCsv } from "./csv.ts";
import { jsonLines, readJsonLines } from "./json-lines.ts";
import { type Line, textsOf } from "./line.ts";
import type { Table, Values } from "./resource.ts";

export const FORMATS = ["csv", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

const EXTENSIONS: Readonly<Record<string, Format>> = {
  ".csv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
};

/** The format that is given, or that of the file's name. Throws LocalError. */
export function formatOf(given: string | undefined, file: string | undefined): Format {
  const format = given ?? (file === undefined ? "csv" : EXTENSIONS[extname(file).toLowerCase()]);
  const known = FORMATS.find((one) => one === format);
  if (known === undefined) throw new LocalError(`--format must be ${FORMATS.join(" or ")}`);
  return known;
}

/** The lines of a file, one after another; memory holds a part of it. Throws LocalError. */
export const readLines = (file: string, format: Format, table: Table): AsyncGenerator<Line> =>
  format === "csv" ? readCsv(table, textsOf(file)) : readJsonLines(table, textsOf(file));

/** How records are written. */
export const writers: Readonly<
  Record<
    Format,
    { head: (table: Table) => string; rows: (table: Table, records: readonly Values[]) => string }
  >
> = {
  csv: { head: csvHeader, rows: csvLines },
  jsonl: { head: () => "", rows: (_, records) => jsonLines(records) },
};

/**
 * Reads a whole file: counts its rows and computes its SHA-256. A file that is broken somewhere is
 * refused before any of its rows has an effect, and so is a pipe, which can be read once only. Throws
 * LocalError.
 */
export async function inspect(
  file: string,
  format: Format,
  table: Table,
): Promise<{ rows: number; digest: string }> {
  if (!(await stat(file)).isFile()) throw new LocalError(`${file} is not a file`);
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer);
  let rows = 0;
  for await (const _ of readLines(file, format, table)) rows++;
  return { rows, digest: hash.digest("hex") };
}
