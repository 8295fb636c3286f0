/**
 * What an import has done, in two files beside the imported one: the report of refused lines, and a
 * state from which a later run continues. The state is written after the report, so the report has
 * every refused line of the state, and what it has besides is cut off.
 */

import { open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { isRecord } from "@stockwire/gateway/json";
import { stringify } from "csv-stringify/sync";
import type { Fault } from "./line.ts";
import type { Outcome } from "./upsert.ts";

export type Counts = Record<Outcome | "refused", number>;

/** What the state belongs to. A file that was edited is another import. */
export interface Subject {
  resource: string;
  url: string;
  digest: string; // of the file
}

export interface Journal {
  /** The last line that is done; 0 at the start. */
  readonly line: number;
  readonly counts: Readonly<Counts>;
  readonly reportFile: string;
  /** Records lines that are done, in their order. */
  add: (
    line: number,
    counts: Counts,
    refused: readonly ({ line: number } & Fault)[],
  ) => Promise<void>;
  /** All lines are done: no run has to continue. */
  finish: () => Promise<void>;
}

const NOTHING: Counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };

/** Opens the journal of a file; it continues the one that a run of the same subject has left. */
export async function openJournal(file: string, subject: Subject): Promise<Journal> {
  const stateFile = `${file}.import-state.json`;
  const reportFile = `${file}.refused.csv`;
  const found = await readState(stateFile, subject);
  let { line, counts, reportBytes } = found ?? { line: 0, counts: NOTHING, reportBytes: 0 };
  if (reportBytes > 0) await truncate(reportFile, reportBytes);
  else await rm(reportFile, { force: true });

  const report = async (refused: readonly ({ line: number } & Fault)[]) => {
    if (refused.length === 0) return;
    const rows = refused.map((each) => [each.line, each.code, each.message]);
    const head = reportBytes === 0 ? [["line", "code", "message"]] : [];
    const handle = await open(reportFile, "a");
    try {
      await handle.write(stringify([...head, ...rows]));
      reportBytes = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  };

  return {
    get line() {
      return line;
    },
    get counts() {
      return counts;
    },
    reportFile,
    async add(to, more, refused) {
      await report(refused);
      line = to;
      counts = sum(counts, more);
      const draft = `${stateFile}.new`;
      await writeFile(draft, JSON.stringify({ ...subject, line, counts, reportBytes }));
      await rename(draft, stateFile);
    },
    finish: () => rm(stateFile, { force: true }),
  };
}

const sum = (one: Counts, other: Counts): Counts => ({
  created: one.created + other.created,
  updated: one.updated + other.updated,
  unchanged: one.unchanged + other.unchanged,
  refused: one.refused + other.refused,
});

interface State {
  line: number;
  counts: Counts;
  reportBytes: number;
}

/** Undefined if there is no state, or that of another subject. */
async function readState(file: string, subject: Subject): Promise<State | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const state: unknown = JSON.parse(text); // it was renamed when it was complete
  const isOfSubject =
    isRecord(state) && Object.entries(subject).every(([name, value]) => state[name] === value);
  return isOfSubject ? (state as unknown as State) : undefined;
}
