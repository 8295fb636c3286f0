/** The guides name only commands, settings, log groups and queries that exist. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./platform.ts";
import { all as resourcesOf, handlers, stack } from "./stack.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const deploy = read("docs/deploy.md");
const runbook = read("docs/runbook.md");
const all = (text: string, pattern: RegExp) => [
  ...new Set([...text.matchAll(pattern)].map(([, found = ""]) => found)),
];

test("the guides' commands and settings exist, and all settings are documented", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const name of all(`${deploy}\n${runbook}`, /npm run (?:-s )?([\w:-]+)/g)) {
    expect(Object.keys(scripts)).toContain(name);
  }
  const settings = all(read("infra/stage.ts"), /^ {2}(STOCKWIRE_\w+):/gm).toSorted();
  expect(all(deploy, /(STOCKWIRE_[A-Z_]+)/g).toSorted()).toEqual(settings);
});

test("the calls that roll back name functions and aliases that exist", () => {
  const aliases = resourcesOf(stack("production"), "lambda/alias").map(
    ({ inputs: { functionName, name } }) => `${functionName} ${name}`,
  );
  const calls = [...deploy.matchAll(/update-alias --function-name (\S+) --name (\S+)/g)];
  expect(calls).toHaveLength(2);
  for (const [, functionName, name] of calls) expect(aliases).toContain(`${functionName} ${name}`);
  const others = /The other functions are ([^.]+)\./.exec(deploy)?.[1] ?? "";
  const named = ["http", ...all(others, /`(\w+)`/g)].map(
    (each) => `stockwire-production-${each} live`,
  );
  expect(named.toSorted()).toEqual(aliases.toSorted());
});

test("the runbook has the names of all log groups and saved queries", () => {
  const resources = stack("production").resources.map(({ inputs }) => inputs["name"] as unknown);
  for (const handler of handlers) {
    expect(resources).toContain(`/aws/lambda/stockwire-production-${handler}`);
    expect(runbook).toMatch(new RegExp(`\`(?:/aws/lambda/stockwire-STAGE|…)-${handler}\``));
  }
  for (const name of ["stream-dead-letters", "delivery-dead-letters"]) {
    expect(resources).toContain(`stockwire-production-${name}`);
    expect(runbook).toContain(`stockwire-STAGE-${name}`);
  }
  for (const query of ["Errors", "OneRequest", "SlowRoutes"]) {
    expect(resources).toContain(`stockwire-production/${query}`);
    expect(runbook).toContain(query);
  }
});

test.each([
  [/^403 `{"message":"Forbidden"}`/, /scope.*`aws lambda get-policy`/],
  [/^403 on connecting/, /STOCKWIRE_ORIGINS/],
  [/^401/, /`authorizerError`/],
  [/^403 of the Partner API/, /STOCKWIRE_PARTNER_DENIED/],
  [/^429 `.*Limit Exceeded/, /PartnerQuota/],
  [/^429/, /throttle/],
  [/^500/, /FunctionErrors/],
  [/^503 `unavailable`/, /TableThrottles/],
  [/^CORS/, /STOCKWIRE_ORIGINS/],
  [/^First request/, /cold start/i],
  [/^Slow requests/, /SlowRoutes/],
  [/^Larger bundles/, /npm run bench -- size cold/],
  [/^`AccessDeniedException`/, /npm run test:infra/],
  [/^A write/, /StreamDeadLetters/],
  [/^Stock looks wrong/, /npm run check-stock/],
])("the runbook has an answer to what callers report: %s", (symptom, answer) => {
  const table = runbook.slice(runbook.indexOf("## What callers report"));
  const rows = table.split("\n").flatMap((line) => {
    const cells = line.split("|").slice(1, -1);
    return cells.length > 1 ? [cells.map((cell) => cell.trim())] : [];
  });
  const found = rows.filter(([first = ""]) => symptom.test(first));
  expect(found.length).toBeGreaterThan(0);
  for (const row of found) expect(row.at(-1)).toMatch(answer);
});

test("the guide says that HTTP APIs cannot be private", () => {
  expect(deploy).toContain("HTTP APIs have no private endpoints");
});
