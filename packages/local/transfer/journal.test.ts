/** What an import writes beside a file, in a folder where other files and other users' links may be. */

import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspect } from "./file.ts";
import { lockImport } from "./import-lock.ts";
import { openJournal } from "./journal.ts";
import { tableOf } from "./resource.ts";

const SUBJECT = { resource: "users", url: "http://localhost:1", digest: "d" };
const COUNTS = { created: 1, updated: 0, unchanged: 0, refused: 1 };

let folder: string;
let file: string;
let report: string;
let state: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stockwire-journal-"));
  file = join(folder, "users.csv");
  report = `${file}.refused.csv`;
  state = `${file}.import-state.json`;
});
afterEach(() => rmSync(folder, { recursive: true }));

const refusal = (line: number, message = "no") => ({ line, code: "invalid_request", message });
const open = () => openJournal(file, SUBJECT);

/** The journal of a run that was killed after line 2. */
async function killed() {
  await (await open()).add(2, COUNTS, [refusal(2)]);
  const reported = readFileSync(report, "utf8");
  writeFileSync(report, `${reported}3,invalid_req`);
  return reported;
}

test("a run continues after what was done, and cuts off what has no state", async () => {
  const reported = await killed();
  const again = await open();
  expect([again.line, again.counts]).toEqual([2, COUNTS]);
  await again.add(3, COUNTS, [refusal(3)]);
  expect(readFileSync(report, "utf8")).toBe(`${reported}3,invalid_request,no\n`);
  await again.finish();
  expect(existsSync(state)).toBe(false);
});

test("the state of another file, server or resource does not count, and its report is removed", async () => {
  await killed();
  expect((await openJournal(file, { ...SUBJECT, digest: "e" })).line).toBe(0);
  expect(existsSync(report)).toBe(false);
});

test("a text of the server that a spreadsheet would run is written with an apostrophe", async () => {
  await (await open()).add(2, COUNTS, [refusal(2, "=HYPERLINK(1)")]);
  expect(readFileSync(report, "utf8")).toBe(
    "line,code,message\n2,invalid_request,'=HYPERLINK(1)\n",
  );
});

describe("a file that is not the import's", () => {
  test("is not removed in place of a report", async () => {
    writeFileSync(report, "name,email\nAna,ana@x.yz\n");
    await expect(open()).rejects.toThrow("is not the report of an import: move it away");
    expect(readFileSync(report, "utf8")).toContain("Ana");
    rmSync(report);
    mkdirSync(report);
    await expect(open()).rejects.toThrow("is not the report of an import");
  });

  test("is not written to through a link", async () => {
    const target = join(folder, "target");
    writeFileSync(target, "precious");
    symlinkSync(target, report);
    symlinkSync(target, `${state}.new`);
    const journal = await open();
    await journal.add(2, COUNTS, [refusal(2)]);
    expect(lstatSync(report).isFile()).toBe(true);
    rmSync(report);
    symlinkSync(target, report);
    await expect(journal.add(3, COUNTS, [refusal(3)])).rejects.toThrow("ELOOP");
    await expect(open()).rejects.toThrow("has changed since the last run");
    expect(readFileSync(target, "utf8")).toBe("precious");
  });
});

describe("is refused:", () => {
  test("a report that has less than the state says", async () => {
    await killed();
    writeFileSync(report, "line\n");
    const message = `delete ${state} to import the file from its start`;
    await expect(open()).rejects.toThrow(message);
    rmSync(report);
    await expect(open()).rejects.toThrow(message);
    rmSync(state);
    expect((await open()).line).toBe(0);
  });

  test.each<[string, object | string]>([
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["a line that is no number", { ...SUBJECT, line: "2", counts: COUNTS, reportBytes: 0 }],
    ["a negative line", { ...SUBJECT, line: -1, counts: COUNTS, reportBytes: 0 }],
    ["no counts", { ...SUBJECT, line: 2, reportBytes: 0 }],
    ["a count of text", { ...SUBJECT, line: 2, counts: { ...COUNTS, created: "1" } }],
    ["half a byte", { ...SUBJECT, line: 2, counts: COUNTS, reportBytes: 0.5 }],
  ])("a state with %s", async (_, content) => {
    writeFileSync(state, typeof content === "string" ? content : JSON.stringify(content));
    await expect(open()).rejects.toThrow(`${state} is damaged: delete it`);
  });

  test("a second import of the same file at the same time, by any of its names", async () => {
    writeFileSync(file, "email\n");
    const link = join(folder, "link.csv");
    symlinkSync(file, link);
    const lock = await lockImport(file);
    await expect(lockImport(link)).rejects.toThrow("is being imported by another process");
    lock.release();
    (await lockImport(link)).release();
  });

  test("a pipe, which could be read only once, and a folder", async () => {
    execFileSync("mkfifo", [file]);
    const read = (path: string) => inspect(path, "csv", tableOf("users"));
    await expect(read(file)).rejects.toThrow("users.csv is not a file");
    await expect(read(folder)).rejects.toThrow("is not a file");
  });
});
