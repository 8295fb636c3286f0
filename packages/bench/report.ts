/** What a section tells: tables for people, raw figures for `--json`. */
export interface Report {
  tables: readonly Table[];
  raw: unknown;
}

export interface Table {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  notes?: readonly string[];
}

/** Prints a table with its first column to the left and the others to the right. */
export function print({ title, head, rows, notes = [] }: Table): void {
  const widths = head.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, at) =>
        at === 0 ? (cells[0] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width),
      )
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  console.log(`\n${title}\n${[line(head), rule, ...rows.map(line)].join("\n")}`);
  for (const note of notes) console.log(`  ${note}`);
}

export const fixed = (value: number, digits = 2): string => value.toFixed(digits);

/** The two cells `goal` and `met` of a figure that should be no more than its goal. */
export const atMost = (value: number, goal: number, unit = ""): [string, string] => [
  `≤ ${fixed(goal)}${unit}`,
  value <= goal ? "met" : "not met",
];

/** The same for one that should be no less. */
export const atLeast = (value: number, goal: number, unit = ""): [string, string] => [
  `≥ ${fixed(goal)}${unit}`,
  value >= goal ? "met" : "not met",
];

/** The value that `part` (0…1) of all values do not exceed. Throws without any. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error("there are no values");
  return value;
}

/** The middle value, or the mean of the two. Throws without any. */
export const median = (values: readonly number[]): number =>
  values.length % 2 === 1
    ? percentile(values, 0.5)
    : (percentile(values, 0.5) + percentile(values, 0.5 - 1 / values.length)) / 2;

/** The median of ours over theirs, round by round: noise that both met cancels out. */
export const pairedRatio = (ours: readonly number[], theirs: readonly number[]): number =>
  median(ours.map((value, at) => value / (theirs[at] ?? Number.NaN)));
