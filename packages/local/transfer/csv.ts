/**
 * Records as CSV (RFC 4180): what is written here is read back as the same values. A cell without
 * quotes and text is a member that the record does not have; `""` is an empty text. A text that a
 * spreadsheet would run as a formula is written with an apostrophe before it, which reading removes.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */

import { Readable } from "node:stream";
import { type CsvError, parse } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import { LocalError } from "../error.ts";
import { ATTRIBUTES, type Table, type Values } from "./resource.ts";
import { type Line, MAX_LINE, parseObject } from "./line.ts";

/** Starts that spreadsheets take for a formula, also in their full width. */
const FORMULA = "[=+\\-@\\t\\r\\uFF1D\\uFF0B\\uFF0D\\uFF20]";
const TO_ESCAPE = new RegExp(`^'*${FORMULA}`);
const ESCAPED = new RegExp(`^'+${FORMULA}`);

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Returns the lines of some records, with a line feed after each. */
export const csvLines = (table: Table, records: readonly Values[]): string =>
  stringify(
    records.map((record) => table.columns.map((name) => cellOf(table, name, record))),
    {
      quoted_match: /^$/, // the empty text, not the missing one
    },
  );

/** Returns the first line of a file. */
export const csvHeader = ({ columns }: Table): string => stringify([[...columns]]);

function cellOf(table: Table, name: string, record: Values): string | number | undefined {
  if (name === ATTRIBUTES) {
    const others = (member: string) => member !== "id" && !table.readOnly.has(member);
    const attributes = Object.entries(record).filter(([member]) => others(member));
    return JSON.stringify(Object.fromEntries(attributes));
  }
  const value = record[name];
  if (typeof value === "string") return TO_ESCAPE.test(value) ? `'${value}` : value;
  return typeof value === "number" ? value : undefined;
}

/**
 * Reads the rows after the header. Throws LocalError for a header that does not fit, and where the
 * text is no CSV: what follows could be cut into wrong rows.
 */
export async function* readCsv(
  table: Table,
  texts: AsyncIterable<string>,
): AsyncGenerator<Line, void, undefined> {
  const parser = parse({
    cast: (value, { quoting }) => (value === "" && !quoting ? undefined : value),
    max_record_size: MAX_LINE,
    raw: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
  });
  const source = Readable.from(texts).on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  let header: string[] | undefined;
  let line = 1;
  try {
    for await (const row of parser) {
      const { record, raw } = row as { record: (string | undefined)[]; raw: string };
      const at = line;
      line += raw.match(/\r\n|\r|\n/g)?.length ?? 0;
      if (record.length === 1 && record[0] === undefined) continue; // a blank line
      if (header === undefined) header = checkedHeader(table, record);
      else yield { line: at, ...rowOf(table, header, record) };
    }
  } catch (error) {
    if (!isCsvError(error)) throw error;
    throw new LocalError(`not CSV from line ${line} on: ${error.message}`, { cause: error });
  } finally {
    source.destroy();
  }
  if (header === undefined) throw new LocalError("the file is empty; its first line names columns");
}

const isCsvError = (error: unknown): error is CsvError =>
  error instanceof Error && "code" in error && /^(?:CSV_|INVALID_)/.test(String(error.code));

function checkedHeader(table: Table, cells: readonly (string | undefined)[]): string[] {
  const names = cells.map((cell = "") => cell.trim());
  const known = [...table.columns, ...table.importOnly];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new LocalError(`the column ${JSON.stringify(unknown)} is none of ${known.join(", ")}`);
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new LocalError(`two columns are called ${twice}`);
  if (!table.keyIsOptional && !table.keys.some((key) => names.includes(key))) {
    throw new LocalError(`a column is missing: ${table.keys.join(" or ")}`);
  }
  return names;
}

function rowOf(
  table: Table,
  header: readonly string[],
  cells: readonly (string | undefined)[],
): Pick<Line, "values" | "fault"> {
  if (cells.length !== header.length) {
    const message = `${cells.length} cells, where the first line has ${header.length}`;
    return { fault: { code: "wrong_cells", message } };
  }
  const values: Record<string, unknown> = {};
  for (const [at, name] of header.entries()) {
    const cell = cells[at];
    if (cell === undefined || table.readOnly.has(name)) continue;
    if (name !== ATTRIBUTES) {
      values[name] = table.numbers.has(name) ? numberOf(cell) : textOf(cell);
      continue;
    }
    const attributes = parseObject(cell);
    if (attributes.fault) return attributes;
    for (const [member, value] of Object.entries(attributes.values ?? {})) values[member] ??= value;
  }
  return { values };
}

const textOf = (cell: string): string => (ESCAPED.test(cell) ? cell.slice(1) : cell);

/** What is not a number stays a text, which the server refuses with its reason. */
function numberOf(cell: string): number | string {
  const value = Number(cell);
  return NUMBER.test(cell.trim()) && Number.isFinite(value) ? value : cell;
}
