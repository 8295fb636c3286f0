/**
 * What an import has done, in two files beside the imported one: the report of refused lines, and a
 * state from which a later run continues. The state is written after the report, so the report has
 * every refused line of the state, and what it has besides is cut off. Both are written to files that
 * the import has created: a link of another user in a shared folder leads nowhere.
 */

import { constants } from "node:fs";
import { lstat, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isRecord } from "@stockwire/gateway/json";
import { stringify } from "csv-stringify/sync";
import { codeOf, LocalError } from "../error.ts";
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

const HEAD = ["line", "code", "message"];

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

const NOTHING: Counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };

/**
 * Opens the journal of a file; it continues the one that a run of the same subject has left. Throws
 * LocalError if one of the two files is not what a run leaves: it may be the user's.
 */
export async function openJournal(file: string, subject: Subject): Promise<Journal> {
  const stateFile = `${file}.import-state.json`;
  const draft = `${stateFile}.new`;
  const reportFile = `${file}.refused.csv`;
  const found = await readState(stateFile, subject);
  let { line, counts, reportBytes } = found ?? { line: 0, counts: NOTHING, reportBytes: 0 };
  if (reportBytes === 0) await removeReport(reportFile);
  else if (!(await cutReport(reportFile, reportBytes))) {
    const remedy = `delete ${stateFile} to import the file from its start`;
    throw new LocalError(`${reportFile} has changed since the last run: ${remedy}`);
  }
  await rm(draft, { force: true });

  const report = async (refused: readonly ({ line: number } & Fault)[]) => {
    if (refused.length === 0) return;
    const rows = refused.map((each) => [each.line, each.code, each.message]);
    const head = reportBytes === 0 ? [HEAD] : [];
    const handle = await open(reportFile, reportBytes === 0 ? "wx" : APPEND);
    try {
      await handle.write(stringify([...head, ...rows], { escape_formulas: true }));
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
      const state = JSON.stringify({ ...subject, line, counts, reportBytes });
      await writeFile(draft, state, { flag: "wx" });
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

/** Undefined if there is no state, or that of another subject. Throws LocalError if it is damaged. */
async function readState(file: string, subject: Subject): Promise<State | undefined> {
  let state: unknown;
  try {
    state = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  // It was renamed when it was complete.
  if (!isRecord(state)) throw damaged(file);
  const { line, counts, reportBytes, ...of } = state;
  if (Object.entries(subject).some(([name, value]) => of[name] !== value)) return undefined;
  if (!isCount(line) || !isCount(reportBytes) || !isCounts(counts)) throw damaged(file);
  return { line, counts, reportBytes };
}

const damaged = (file: string) =>
  new LocalError(`${file} is damaged: delete it to import the file from its start`);

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

const isCounts = (value: unknown): value is Counts =>
  isRecord(value) && Object.keys(NOTHING).every((name) => isCount(value[name]));

/** Removes the report of an earlier import. Throws LocalError if the file is no report. */
async function removeReport(file: string): Promise<void> {
  const stats = await lstat(file).catch(ifMissing);
  if (stats === undefined) return;
  if (!stats.isSymbolicLink() && !(stats.isFile() && (await isReport(file)))) {
    throw new LocalError(`${file} is not the report of an import: move it away`);
  }
  await rm(file, { force: true }); // of a link, the link only
}

/** True for an empty file too, which a run that was killed may leave. */
async function isReport(file: string): Promise<boolean> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const head = `${HEAD.join(",")}\n`;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(head.length), 0, head.length, 0);
    return bytesRead === 0 || buffer.toString() === head;
  } finally {
    await handle.close();
  }
}

/** Cuts off what a killed run has written after its state. False if the report has less than that. */
async function cutReport(file: string, bytes: number): Promise<boolean> {
  const handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW).catch(ifMissing);
  if (handle === undefined) return false;
  try {
    if ((await handle.stat()).size < bytes) return false;
    await handle.truncate(bytes);
    return true;
  } finally {
    await handle.close();
  }
}

/** ELOOP is Node's error for a link that is not followed. */
function ifMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ELOOP") throw error;
}
