/** Records as JSON Lines: one JSON object in each line. https://jsonlines.org */

import { LocalError } from "../error.ts";
import { type Line, MAX_LINE, parseObject } from "./line.ts";
import type { Table, Values } from "./resource.ts";

export const jsonLines = (records: readonly Values[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** Reads the rows. A line that is not a JSON object is a fault. Throws LocalError for an endless line. */
export async function* readJsonLines(
  table: Table,
  texts: AsyncIterable<string>,
): AsyncGenerator<Line, void, undefined> {
  let line = 0;
  let rest = "";
  const rowsOf = function* (lines: readonly string[]): Generator<Line> {
    for (const text of lines) {
      line++;
      if (text.trim() !== "") yield { line, ...rowOf(table, text) };
    }
  };
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* rowsOf(lines);
    if (rest.length > MAX_LINE) {
      throw new LocalError(`line ${line + 1} is longer than ${MAX_LINE} characters`);
    }
  }
  yield* rowsOf([rest]);
}

function rowOf({ readOnly }: Table, text: string): Pick<Line, "values" | "fault"> {
  const row = parseObject(text);
  if (row.values === undefined) return row;
  const members = Object.entries(row.values).filter(([name]) => !readOnly.has(name));
  return { values: Object.fromEntries(members) };
}
