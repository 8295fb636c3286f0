/** Reads a count from text: lines of a sku or id and a quantity, as spreadsheets copy or save them. */

export interface CountLine {
  /** Number of the line in the text, from 1. */
  line: number;
  /** A sku or the id of a product. */
  product: string;
  quantity: number;
}

interface CountFault {
  line: number;
  detail: string;
}

export interface ParsedCount {
  lines: CountLine[];
  faults: CountFault[];
}

const MOST = 1_000_000_000; // units, of the server
const DELIMITERS = ["\t", ";", ","] as const;
const HEAD = /^(?:sku|id|product|product ?id|article)$/i;

/**
 * Parses a count. The delimiter is a tab, a semicolon or a comma, whichever the first line has; a first
 * line such as `sku,quantity` is skipped, also one with further columns, of which `quantity` or `count`
 * is taken. Each product is counted once: a second line of it is a fault.
 */
export function parseCount(text: string): ParsedCount {
  const rows = rowsOf(text.replace(/^\uFEFF/, ""));
  const [first] = rows;
  const hasHead = first !== undefined && HEAD.test(first.cells[0]?.trim() ?? "");
  const named = hasHead
    ? first.cells.findIndex((cell) => /^(?:quantity|count|counted|units)$/i.test(cell.trim()))
    : -1;
  const column = named < 0 ? 1 : named;
  const lines: CountLine[] = [];
  const faults: CountFault[] = [];
  const seen = new Map<string, number>();
  for (const { line, cells } of hasHead ? rows.slice(1) : rows) {
    const product = cells[0]?.trim() ?? "";
    const number = cells[column]?.trim() ?? "";
    const earlier = seen.get(product);
    const detail = faultOf(product, number, earlier);
    if (detail === undefined) {
      seen.set(product, line);
      lines.push({ line, product, quantity: Number(number) });
    } else faults.push({ line, detail });
  }
  return { lines, faults };
}

function faultOf(product: string, number: string, earlier: number | undefined): string | undefined {
  if (product === "") return "No sku or id";
  if (number === "") return "No quantity";
  if (!/^\d+$/.test(number)) return `Not a whole number of units: ${number.slice(0, 40)}`;
  if (Number(number) > MOST) return `More than ${MOST} units`;
  return earlier === undefined ? undefined : `Counted in line ${earlier} already`;
}

interface Row {
  line: number;
  cells: string[];
}

/** The cells of each line that is not empty. A cell in quotes may hold delimiters, breaks and `""`. */
function rowsOf(text: string): Row[] {
  const head = text.slice(0, (text.search(/[\r\n]/) + 1 || text.length + 1) - 1);
  const delimiter = DELIMITERS.find((each) => head.includes(each)) ?? ",";
  const rows: Row[] = [];
  let line = 1;
  let row: Row = { line, cells: [] };
  let cell = "";
  let isQuoted = false;
  const endRow = () => {
    row.cells.push(cell);
    if (row.cells.some((each) => each.trim() !== "")) rows.push(row);
    row = { line, cells: [] };
    cell = "";
  };
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? "";
    if (char === "\n") line++;
    if (isQuoted) {
      if (char !== '"') cell += char;
      else if (text[index + 1] === '"') {
        cell += char;
        index++;
      } else isQuoted = false;
    } else if (char === '"' && cell.trim() === "") {
      cell = "";
      isQuoted = true;
    } else if (char === delimiter) {
      row.cells.push(cell);
      cell = "";
    } else if (char === "\n") endRow();
    else if (char !== "\r") cell += char;
  }
  endRow();
  return rows;
}

/** A text as a cell of a CSV file. A text that a spreadsheet would take for a formula is quoted. */
function csvCell(value: string | number): string {
  const text = typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvOf = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
