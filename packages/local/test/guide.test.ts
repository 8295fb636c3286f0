/** What the runbook and the guide to deploying must answer, compared with nothing but itself. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const runbook = read("docs/runbook.md");
const deploy = read("docs/deploy.md");

/** The text between a heading and the next one of its level. */
const sectionOf = (text: string, heading: string) => {
  const level = /^#+ /.exec(heading)?.[0] ?? "";
  const [, rest = ""] = text.split(`${heading}\n`);
  return rest.split(`\n${level}`)[0]?.trim() ?? "";
};

test.each([
  ["HighErrorRate", /`Errors`[\s\S]*roll\s+back/],
  ["HighLatency", /`SlowRoutes`/],
  ["FunctionErrors", /`Errors`[\s\S]*`AccessDeniedException`/],
  ["FunctionThrottles", /higher quota/],
  ["TableThrottles", /scale\.md/],
  ["StreamLag", /log of `changes`/],
  ["StreamDeadLetters", /npm run redrive -- --stage STAGE --queue stream --send/],
  ["DeliveryDeadLetters", /npm run redrive -- --stage STAGE --queue delivery --discard/],
  ["DeliveryErrors", /`deliver`/],
  ["LiveErrors", /`authorizer`[\s\S]*`live`/],
  ["SweepLag", /log of `sweep`/],
])("the runbook says what to do about the alarm %s", (alarm, step) => {
  expect(sectionOf(runbook, `### ${alarm}`)).toMatch(step);
});

test("the runbook has an answer in each row of what callers report", () => {
  const rows = sectionOf(runbook, "## What callers report")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  expect(rows.length).toBeGreaterThanOrEqual(14);
  for (const [, seen, answer = ""] of rows)
    expect([seen, answer.length > 50]).toEqual([seen, true]);
});

test("the runbook begins with how to read the logs", () => {
  const start = runbook.slice(0, runbook.indexOf("## Alarms"));
  expect(start).toMatch(/^aws logs tail \/aws\/lambda\/stockwire-STAGE-http --follow/m);
  expect(start).toMatch(/^aws logs tail \/aws\/vendedlogs\/apigateway\/stockwire-STAGE-api /m);
});

test("the guide has the commands to deploy, to roll back, to unlock and to remove a stage", () => {
  expect(sectionOf(deploy, "## 3. First deploy")).toMatch(/^npx sst deploy --stage /m);
  expect(sectionOf(deploy, "## 6. Roll back")).toMatch(/^git checkout .*npx sst deploy --stage /m);
  expect(sectionOf(deploy, "## 6. Roll back")).toContain("npx sst unlock --stage ");
  expect(sectionOf(deploy, "## 9. Remove")).toMatch(/^npx sst remove --stage ana$/m);
});

test("the guide compares the prices of both kinds of API as its own table has them", () => {
  const costs = sectionOf(deploy, "## What it costs");
  const price = (row: string) =>
    Number(new RegExp(`^\\| ${row}[^|]*\\| (\\d+\\.\\d+)`, "m").exec(costs)?.[1]);
  const saved =
    (1 - price("HTTP API, a million requests") / price("REST API, a million requests")) * 100;
  expect(costs).toContain(`about ${Math.round(saved / 10) * 10} % less than a REST API`);
});
