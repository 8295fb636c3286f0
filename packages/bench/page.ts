/** Writes docs/performance.md and its pictures from the reports of one run. */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { svgOf } from "./chart.ts";
import type { Report, Table } from "./report.ts";

/** The reports of a run by section, with what is needed to compare them with another run. */
export interface Run {
  date: string;
  machine: string;
  load: string;
  reports: readonly { section: string; report: Report }[];
}

/** Writes the page, and its pictures into a folder beside it. Pictures of earlier runs are removed. */
export async function writePage(docs: string, run: Run): Promise<void> {
  const folder = join(docs, "performance");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const { report } of run.reports) {
    for (const chart of report.charts ?? []) {
      await writeFile(join(folder, `${chart.name}.svg`), svgOf(chart));
    }
  }
  await writeFile(join(docs, "performance.md"), pageOf(run));
}

/** The page as Markdown. */
function pageOf({ date, machine, load, reports }: Run): string {
  return [
    "# Performance",
    "",
    "Written by `npm run bench -- --write`; do not edit. All figures of one section come from one run in",
    "which Stockwire and what it is compared with take turns, so compare ratios, not times.",
    "",
    `- Date: ${date}`,
    `- Machine: ${machine}`,
    `- Load average before and after: ${load}`,
    "",
    ...reports.flatMap(({ section, report }) => [
      `## ${section}`,
      "",
      ...(report.charts ?? []).flatMap(({ name, title }) => [
        `![${title}](performance/${name}.svg)`,
        "",
      ]),
      ...report.tables.flatMap(tableOf),
    ]),
  ].join("\n");
}

const cell = (text: string | undefined): string => (text ?? "").trim().replaceAll("|", "\\|");

function tableOf({ title, head, rows, notes = [] }: Table): string[] {
  const line = (cells: readonly (string | undefined)[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [
    `**${title}**`,
    "",
    line(head),
    line(head.map((_, at) => (at === 0 ? "---" : "--:"))),
    ...rows.map((row) => line(head.map((_, at) => row[at]))),
    "",
    ...(notes.length > 0 ? [notes.join(" "), ""] : []),
  ];
}
