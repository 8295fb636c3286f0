/** The result of a section: tables for readers, raw figures for `--json`. */
export interface Report {
  tables: readonly Table[];
  /** Pictures for docs/performance.md. */
  charts?: readonly Chart[];
  raw: unknown;
}

/** Horizontal bars, of which each may have several parts. */
export interface Chart {
  /** The name of its file, without extension. */
  name: string;
  title: string;
  unit: string;
  /** Names of the parts; one without a name if bars have a single part. */
  parts: readonly string[];
  bars: readonly { label: string; values: readonly number[]; own?: boolean }[];
  /** A line to compare the bars with. */
  goal?: number;
}

export interface Table {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  notes?: readonly string[];
}

/** The table as text. The first column is aligned left, all others right. */
export function format({ title, head, rows, notes = [] }: Table): string {
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
  const indented = notes.map((note) => `  ${note}`);
  return ["", title, line(head), rule, ...rows.map(line), ...indented].join("\n");
}

export const fixed = (value: number, digits = 2): string => value.toFixed(digits);

export const verdict = (met: boolean): string => (met ? "met" : "not met");

/** The cells `goal` and `verdict` for a figure that should not exceed its goal. */
export const atMost = (value: number, goal: number, digits = 2): [string, string] => [
  `≤ ${fixed(goal, digits)}`,
  verdict(value <= goal),
];

/** The same for a figure that should reach its goal. */
export const atLeast = (value: number, goal: number, digits = 2): [string, string] => [
  `≥ ${fixed(goal, digits)}`,
  verdict(value >= goal),
];

/** The value that a part (0 to 1) of the values does not exceed. Throws if there are none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error("there are no values");
  return value;
}

/** The middle value, or the mean of the two middle ones. Throws if there are none. */
export const median = (values: readonly number[]): number =>
  values.length % 2 === 1
    ? percentile(values, 0.5)
    : (percentile(values, 0.5) + percentile(values, 0.5 - 1 / values.length)) / 2;

/** The median of the ratios a/b of each round. Noise that affects both of a round cancels out. */
export const pairedRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, at) => value / (b[at] ?? Number.NaN)));
