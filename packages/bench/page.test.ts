import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { svgOf } from "./chart.ts";
import { readNotes, writePage } from "./page.ts";
import type { Chart, Report } from "./report.ts";

const chart: Chart = {
  name: "cold",
  title: "Cold <start>",
  unit: "ms",
  parts: ["import", "first"],
  bars: [
    { label: "stockwire", values: [10, 20], own: true },
    { label: "plain", values: [30, 30] },
  ],
  goal: 45,
};

test("bars have lengths in proportion to their values", () => {
  const svg = svgOf(chart);
  const widths = [...svg.matchAll(/width="([\d.]+)" height="18"/g)].map(([, width]) =>
    Number(width),
  );
  const unit = (widths[0] ?? 0) / 10;
  expect(widths.map((width) => Math.round(width / unit))).toEqual([10, 20, 30, 30]);
  expect(svg).toContain("Cold &#60;start&#62;");
  expect(svg).toContain(">30.0<");
});

test("the page has each table and picture, and replaces the pictures of an earlier run", async () => {
  const docs = await mkdtemp(join(tmpdir(), "stockwire-page-"));
  onTestFinished(() => rm(docs, { recursive: true }));
  const report: Report = {
    tables: [{ title: "t", head: ["", "a|b"], rows: [["x", "1"], ["y"]], notes: ["n."] }],
    charts: [chart],
    raw: {},
  };
  const run = { date: "2026-01-31", machine: "m", load: "0.1 and 0.2", engine: "in memory" };
  const notes = new Map([["cold", "What a profile says."]]);
  await writePage(docs, { ...run, notes, sections: [], reports: [] });
  await writeFile(join(docs, "performance", "old.svg"), "");
  const reports = [{ section: "cold", report }];
  await writePage(docs, { ...run, notes, sections: ["cold"], reports });
  expect(await readdir(join(docs, "performance"))).toEqual(["cold.svg"]);
  const page = await readFile(join(docs, "performance.md"), "utf8");
  expect(page).toContain("![Cold <start>](performance/cold.svg)");
  expect(page).toContain(
    ["|  | a\\|b |", "| --- | --: |", "| x | 1 |", "| y |  |", "", "n.", ""].join("\n"),
  );
  expect(page).toContain("\nWhat a profile says.\n");
  // A run without one of the sections leaves the page and its pictures as they are.
  const part = writePage(docs, { ...run, notes, sections: ["cold", "warm"], reports });
  await expect(part).rejects.toThrow("warm");
  expect(await readFile(join(docs, "performance.md"), "utf8")).toBe(page);
  expect(await readdir(join(docs, "performance"))).toEqual(["cold.svg"]);
});

test("the page counts the goals, and lists those that are not met", async () => {
  const docs = await mkdtemp(join(tmpdir(), "stockwire-page-"));
  onTestFinished(() => rm(docs, { recursive: true }));
  const rows = [
    ["requests a second", "1", "≥ 1.30", "not met"],
    ["  of it GET", "2", "≥ 1.30", "met"],
    ["CPU", "3"],
  ];
  const report = {
    tables: [{ title: "http: laptop", head: ["", "a", "goal", ""], rows }],
    raw: {},
  };
  await writePage(docs, {
    date: "2026-01-31",
    machine: "m",
    load: "0.1 and 0.2",
    engine: "in memory",
    notes: new Map(),
    sections: ["http"],
    reports: [{ section: "http", report }],
  });
  const page = await readFile(join(docs, "performance.md"), "utf8");
  expect(page).toContain("1 of 2 goals are met.");
  expect(page).toContain("- Not met: [http](#http), laptop: requests a second\n");
});

test("every note is of a section", async () => {
  const notes = readNotes(await readFile(join(import.meta.dirname, "notes.md"), "utf8"));
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "main.ts"), "--help"],
    {
      encoding: "utf8",
    },
  );
  expect(status).toBe(0);
  for (const [section, text] of notes) {
    expect(stdout).toMatch(new RegExp(`^  ${section} `, "m"));
    expect(text).not.toBe("");
  }
  expect([...notes.keys()]).toEqual(expect.arrayContaining(["http", "cold", "warm", "live"]));
});
