import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { svgOf } from "./chart.ts";
import { writePage } from "./page.ts";
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
  const run = { date: "2026-01-31", machine: "m", load: "0.1 and 0.2" };
  await writePage(docs, { ...run, reports: [] });
  await writeFile(join(docs, "performance", "old.svg"), "");
  await writePage(docs, { ...run, reports: [{ section: "cold", report }] });
  expect(await readdir(join(docs, "performance"))).toEqual(["cold.svg"]);
  const page = await readFile(join(docs, "performance.md"), "utf8");
  expect(page).toContain("![Cold <start>](performance/cold.svg)");
  expect(page).toContain(
    ["|  | a\\|b |", "| --- | --: |", "| x | 1 |", "| y |  |", "", "n."].join("\n"),
  );
});
