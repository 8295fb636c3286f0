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
  /** The file system of the engine's files. */
  engine: string;
  /** The sections that the page has to have. */
  sections: readonly string[];
  reports: readonly { section: string; report: Report }[];
  /** Markdown for sections that needs no measurement: notes.md. */
  notes: ReadonlyMap<string, string>;
}

/**
 * Reads notes.md: the text below each heading of level two, by heading. What profiles say is written by
 * hand, so that a new measurement does not lose it. Links to documents become those of the page.
 */
export function readNotes(markdown: string): Map<string, string> {
  const parts = markdown
    .replaceAll("](../../docs/", "](")
    .split(/^## (.+)$/m)
    .slice(1);
  const notes = new Map<string, string>();
  for (let n = 0; n < parts.length; n += 2) notes.set(parts[n] ?? "", (parts[n + 1] ?? "").trim());
  return notes;
}

/**
 * Writes the page, and its pictures into a folder beside it. Pictures of earlier runs are removed.
 * Throws, and changes nothing, if a section has no report.
 */
export async function writePage(docs: string, run: Run): Promise<void> {
  const reported = new Set(run.reports.map(({ section }) => section));
  const missing = run.sections.filter((section) => !reported.has(section));
  if (missing.length > 0) throw new Error(`the page needs the sections ${missing.join(", ")}`);
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
function pageOf({ date, machine, load, engine, reports, notes }: Run): string {
  return [
    "# Performance",
    "",
    "Written by `npm run bench -- --write`; edit `packages/bench/notes.md` instead. All figures of a section",
    "come from one run in which Stockwire and what it is compared with take turns, so compare ratios, not",
    "times.",
    "",
    `- Date: ${date}`,
    `- Machine: ${machine}`,
    `- Load average before and after: ${load}`,
    `- The engine's files: ${engine}`,
    "",
    ...goalsOf(reports),
    ...reports.flatMap(({ section, report }) => [
      `## ${section}`,
      "",
      ...(report.charts ?? []).flatMap(({ name, title }) => [
        `![${title}](performance/${name}.svg)`,
        "",
      ]),
      ...report.tables.flatMap(tableOf),
      ...(notes.has(section) ? [notes.get(section) ?? "", ""] : []),
    ]),
  ].join("\n");
}

/** How many goals are met, and which are not. */
function goalsOf(reports: Run["reports"]): string[] {
  const judged = reports.flatMap(({ section, report }) =>
    report.tables.flatMap(({ title, rows }) =>
      rows.flatMap((row) => {
        const verdict = row.find((text) => text === "met" || text === "not met");
        return verdict === undefined ? [] : [{ section, title, name: row[0] ?? "", verdict }];
      }),
    ),
  );
  const missed = judged.filter(({ verdict }) => verdict === "not met");
  return [
    `${judged.length - missed.length} of ${judged.length} goals are met.`,
    "",
    ...missed.map(
      ({ section, title, name }) =>
        `- Not met: [${section}](#${section}), ${title.replace(/^\w+: /, "")}: ${name.trim()}`,
    ),
    ...(missed.length > 0 ? [""] : []),
  ];
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
