import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./platform.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const deploy = read("docs/deploy.md");
const runbook = read("docs/runbook.md");
const all = (text: string, pattern: RegExp) => [
  ...new Set([...text.matchAll(pattern)].map(([, found = ""]) => found)),
];

test("S-235, S-242, S-396: the guide's commands and settings are those that there are", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const name of all(`${deploy}\n${runbook}`, /npm run (?:-s )?([\w:-]+)/g)) {
    expect(Object.keys(scripts)).toContain(name);
  }
  const settings = all(read("infra/stage.ts"), /^ {2}(STOCKWIRE_\w+):/gm).toSorted();
  expect(all(deploy, /(STOCKWIRE_[A-Z_]+)/g).toSorted()).toEqual(settings);
});

test("S-302, S-312, S-303: logs and saved queries are called what they are called", () => {
  const production = read("infra/test/resources/production.txt");
  for (const name of ["Http", "LiveAuthorizer", "LiveSocket", "Append", "Post", "Sweep"]) {
    expect(runbook).toContain(name);
    expect(production).toContain(`cloudwatch/logGroup ${name}Log (14 days)`);
  }
  for (const query of ["Errors", "OneRequest", "SlowRoutes"]) {
    expect(runbook).toContain(query);
    expect(production).toContain(`cloudwatch/queryDefinition ${query}`);
  }
});

test("S-406 to S-428, A-33, A-34: each row of the seeds' troubleshooting has its answer", () => {
  const rows = Array.from({ length: 428 - 406 + 1 }, (_, index) => `S-${406 + index}`);
  expect(rows.filter((row) => !runbook.includes(row))).toEqual([]);
  expect(runbook).toContain("`aws lambda get-policy`");
  expect(deploy).toContain("HTTP APIs have no private endpoints");
});
