/**
 * Imports a file. Rows are sent some at a time, in windows: a window is done when all of its rows are,
 * and the journal has it then. A run that was killed continues after the last window that was done.
 */

import { type Client, ProblemError } from "@stockwire/client";
import { type Format, inspect, readLines } from "./file.ts";
import { lockImport } from "./import-lock.ts";
import { type Counts, type Journal, openJournal } from "./journal.ts";
import type { Fault, Line } from "./line.ts";
import { keyOf, type Resource, tableOf } from "./resource.ts";
import type { Server } from "./server.ts";
import { type Outcome, upsert } from "./upsert.ts";

/** Rows that are sent at the same time. */
const WINDOW = 32;

/** Refusals of a row. Others, such as 401 and 503, would be those of every row. */
const OF_A_ROW: ReadonlySet<number> = new Set([400, 404, 409, 412, 413, 422]);

export interface Import {
  server: Server;
  resource: Resource;
  file: string;
  format: Format;
  onProgress: (text: string) => void;
  /** Ends the import after the current window; a later run continues. */
  signal: AbortSignal;
}

export interface Result {
  counts: Readonly<Counts>;
  rows: number;
  reportFile: string;
  isComplete: boolean;
}

/** Imports the file. Throws LocalError, and `ProblemError` for a refusal that is not one of a row. */
export async function importFile(options: Import): Promise<Result> {
  const lock = await lockImport(options.file);
  try {
    return await importLocked(options);
  } finally {
    lock.release();
  }
}

async function importLocked(options: Import): Promise<Result> {
  const { server, resource, file, format, onProgress, signal } = options;
  const table = tableOf(resource);
  const { rows, digest } = await inspect(file, format, table);
  const journal = await openJournal(file, { resource, url: server.url, digest });
  if (journal.line > 0) onProgress(`Continuing after line ${journal.line}`);
  const lines = readLines(file, format, table);
  let isComplete = true;
  for await (const window of windows(lines, journal.line)) {
    if (signal.aborted) {
      isComplete = false;
      break;
    }
    await importWindow(server.client, resource, digest, window, journal);
    onProgress(summary(journal.counts, rows));
  }
  if (isComplete) await journal.finish();
  return { counts: journal.counts, rows, reportFile: journal.reportFile, isComplete };
}

/** `12 of 100 lines: 10 created, …` */
export function summary(counts: Readonly<Counts>, rows: number): string {
  const done = Object.values(counts).reduce((one, other) => one + other);
  const parts = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
  return `${done} of ${rows} lines: ${parts.join(", ")}`;
}

/** The lines after a line, in arrays. */
async function* windows(lines: AsyncIterable<Line>, after: number) {
  let window: Line[] = [];
  for await (const line of lines) {
    if (line.line <= after) continue;
    window.push(line);
    if (window.length < WINDOW) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}

async function importWindow(
  client: Client,
  resource: Resource,
  digest: string,
  window: readonly Line[],
  journal: Journal,
): Promise<void> {
  const counts: Counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  const refused: ({ line: number } & Fault)[] = [];
  // Rows with the same key one after another, so that the last one wins, as in the file.
  const groups = Map.groupBy(window, ({ line, values = {} }) => keyOf(resource, values) ?? line);
  const run = async (group: readonly Line[]) => {
    for (const each of group) {
      const outcome = await outcomeOf(client, resource, digest, each);
      if (typeof outcome === "string") counts[outcome]++;
      else {
        counts.refused++;
        refused.push({ line: each.line, ...outcome });
      }
    }
  };
  await Promise.all([...groups.values()].map(run));
  refused.sort((one, other) => one.line - other.line);
  await journal.add(window.at(-1)?.line ?? 0, counts, refused);
}

async function outcomeOf(
  client: Client,
  resource: Resource,
  digest: string,
  { line, values, fault }: Line,
): Promise<Outcome | Fault> {
  if (values === undefined) return fault ?? { code: "invalid_request", message: "No values" };
  try {
    return await upsert(client, resource, values, `import-${digest}-${line}`);
  } catch (error) {
    const isOfRow =
      error instanceof ProblemError &&
      OF_A_ROW.has(error.status) &&
      error.code !== "route_not_found";
    if (!isOfRow) throw error;
    return { code: error.code, message: messageOf(error) };
  }
}

/** The detail, and every fault with the member that has it. */
function messageOf({ detail, errors }: ProblemError): string {
  const faults = errors.map((each) => `${each.pointer ?? each.parameter ?? ""}: ${each.detail}`);
  return [detail, ...faults].join("; ");
}
