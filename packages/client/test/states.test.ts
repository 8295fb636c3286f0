import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { connectionTable, handoverTable } from "../src/live/connection-state.ts";
import { StateMachine, type TransitionTable } from "../src/live/state-machine.ts";
import { trackerTable } from "../src/live/tracker-state.ts";

type AnyTable = TransitionTable<string, string>;

const document = readFileSync(`${import.meta.dirname}/../STATES.md`, "utf8");

/** The text of a section, from its heading to the next one. */
const section = (heading: string): string =>
  document.split(/^## /mu).find((text) => text.startsWith(`${heading}\n`)) ?? "";

/** `from --> to : event` of a diagram, sorted. */
const drawn = (text: string): string[] =>
  [...text.matchAll(/^ +(\w+ --> \w+ : \w+)$/gmu)].map(([, edge = ""]) => edge).toSorted();

/** The transition table that a section shows: the one whose first heading is empty. */
function shown(text: string): Record<string, Record<string, string>> {
  const cells = (line: string) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^\|\s+\|/u.test(line));
  const name = (cell: string) => cell.replaceAll("`", "");
  const [, ...events] = cells(lines[start] ?? "").map(name);
  const rows: Record<string, Record<string, string>> = {};
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    const [state = "", ...next] = cells(line).map(name);
    rows[state] = Object.fromEntries(events.map((event, n) => [event, next[n] ?? ""]));
  }
  return rows;
}

describe.each([
  ["The tracker of a feed", trackerTable as AnyTable, "unanchored"],
  ["The connection", connectionTable as AnyTable, "idle"],
  ["The handover", handoverTable as AnyTable, "none"],
])("the states in STATES.md: %s", (heading, table, initial) => {
  const rows = Object.entries(table);

  it("are drawn with exactly the transitions of the table", () => {
    const edges = rows.flatMap(([from, row]) =>
      Object.entries(row)
        .filter(([, to]) => to !== null && to !== from)
        .map(([event, to]) => `${from} --> ${to} : ${event}`),
    );
    expect(drawn(section(heading))).toEqual(edges.toSorted());
    expect(section(heading)).toContain(`[*] --> ${initial}\n`);
  });

  it("are listed with each entry of the table", () => {
    const expected = rows.map(([from, row]) => [
      from,
      Object.fromEntries(
        Object.entries(row).map(([event, to]) => [event, to === from ? "·" : (to ?? "–")]),
      ),
    ]);
    expect(shown(section(heading))).toEqual(Object.fromEntries(expected));
  });

  it("are the only ones after any events; an event that cannot occur is refused", () => {
    const events = Object.keys(table[initial] ?? {});
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events)), (all) => {
        const machine = new StateMachine(table, initial);
        for (const event of all) {
          const from = machine.state;
          if (table[from]?.[event] === null) {
            expect(() => machine.fire(event)).toThrow(`${event} cannot occur in ${from}`);
            expect(machine.state).toBe(from);
          } else {
            machine.fire(event);
          }
          expect(Object.keys(table)).toContain(machine.state);
        }
      }),
    );
  });
});

it("does not compile a table with a hole", () => {
  const tables = [
    // @ts-expect-error -- no entry for the event "stop" in "off"
    { on: { start: "on", stop: "off" }, off: { start: "on" } } satisfies OnOff,
    // @ts-expect-error -- no entry for the state "off"
    { on: { start: "on", stop: "off" } } satisfies OnOff,
  ];
  expect(tables).toHaveLength(2);
});

type OnOff = TransitionTable<"on" | "off", "start" | "stop">;
