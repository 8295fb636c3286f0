import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { behaviours, fidelityReport } from "./fidelity.ts";

const page = readFileSync(new URL("../../docs/gateway.md", import.meta.url), "utf8");

test("docs/gateway.md lists exactly these behaviours, with their notes", () => {
  const rows = [
    ...page.matchAll(/^\| (HTTP|REST|WebSocket|all) +\| (.+?) +\| (.+?) +\| (.*?) *\|$/gm),
  ];
  expect(rows.map(([, api, what, fidelity, note]) => ({ api, what, fidelity, note }))).toEqual(
    behaviours.map(({ note = "", ...rest }) => ({ ...rest, note })),
  );
});

test("the report has each behaviour once", () => {
  const report = fidelityReport();
  for (const { what } of behaviours) expect(report.split(what)).toHaveLength(2);
});
