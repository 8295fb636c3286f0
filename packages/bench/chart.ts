/** Draws charts as SVG, for docs/performance.md. They are readable on light and dark pages. */

import type { Chart } from "./report.ts";

const WIDTH = 760;
const LABEL = 150;
const VALUE = 90;
const ROW = 26;
const TOP = 56;
const PLOT = WIDTH - LABEL - VALUE;
const COLOURS = ["#3b82f6", "#f59e0b", "#10b981", "#8b5cf6", "#ef4444", "#14b8a6", "#9ca3af"];
const OTHER = "#9ca3af";

const escaped = (text: string): string =>
  text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);

const shown = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** The chart as an SVG document. */
export function svgOf({ title, unit, parts, bars, goal }: Chart): string {
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const largest = Math.max(...bars.map(({ values }) => total(values)), goal ?? 0, Number.EPSILON);
  const scale = PLOT / largest;
  const height = TOP + bars.length * ROW + 12;
  const text = (x: number, y: number, content: string, more = "") =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(content)}</text>`;
  const rows = bars.map(({ label, values, own }, at) => {
    const y = TOP + at * ROW;
    let x = LABEL;
    const pieces = values.map((value, part) => {
      const width = value * scale;
      const single = own === true ? COLOURS[0] : OTHER;
      const colour = parts.length > 1 ? COLOURS[part % COLOURS.length] : single;
      const piece = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 8}" fill="${colour}"/>`;
      x += width;
      return piece;
    });
    return [
      text(
        LABEL - 8,
        y + 13,
        label,
        `text-anchor="end"${own === true ? ' font-weight="600"' : ""}`,
      ),
      ...pieces,
      text(x + 6, y + 13, shown(total(values))),
    ].join("");
  });
  const legend =
    parts.length > 1
      ? parts.map((part, at) => {
          const x = LABEL + at * 110;
          const colour = COLOURS[at % COLOURS.length];
          return `<rect x="${x}" y="34" width="10" height="10" fill="${colour}"/>${text(x + 14, 43, part)}`;
        })
      : [];
  const line =
    goal === undefined
      ? ""
      : `<line x1="${(LABEL + goal * scale).toFixed(1)}" x2="${(LABEL + goal * scale).toFixed(1)}" y1="${TOP - 6}" y2="${height - 8}" stroke="#888" stroke-dasharray="3 3"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#888" role="img" aria-label="${escaped(title)}">`,
    text(0, 18, `${title} (${unit})`, 'font-size="14" font-weight="600"'),
    ...legend,
    ...rows,
    line,
    "</svg>",
    "",
  ].join("\n");
}
