/**
 * No command may break unseen: each script of package.json, and each command that the README names,
 * is run here, by .ci/run or by another test, or is excluded with a reason.
 */

import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningLaptop, startLaptop } from "./laptop.ts";

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

interface Smoke {
  /** Arguments, with `PORT` in place of the server's port. */
  args: string[];
  /** Standard output must match. */
  prints: RegExp;
}

const SMOKE: Readonly<Record<string, Smoke>> = {
  token: { args: ["--scope", "admin", "--port", "PORT"], prints: /^[\w-]+\.[\w-]+\.[\w-]+\n$/ },
  seed: { args: ["--port", "PORT"], prints: /^\d+ records/ },
  "check-stock": { args: ["--port", "PORT"], prints: /./ },
  cost: { args: ["--requests", "1000000"], prints: /^USD a month +\d+\.\d\d/m },
  "gateway-cases": {
    args: ["packages/gateway/cases/gateway-cases.json", "--filter", "H0"],
    prints: /^[1-9]\d* passed, 0 failed/m,
  },
};

/** Commands that another test runs, with its file. */
const TESTED: Readonly<Record<string, string>> = {
  dev: "packages/local/test/readme.test.ts",
  watch: "packages/local/test/readme.test.ts",
};

const EXCLUDED: Readonly<Record<string, string>> = {
  "test:unit": "npm test runs the same project",
  "test:infra": "npm test runs the same project",
  "test:stress": "takes most of an hour; npm test runs its files with small counts",
  coverage: "measures what npm test runs",
  format: "changes files; npm run check compares them",
  "sst deploy": "needs an AWS account; npm run test:infra evaluates what it would create",
};

/** Names of scripts, and `sst …`, that a text runs. */
const commandsIn = (text: string) => {
  const scripts = [...text.matchAll(/\bnpm (?:run (?:-s )?([\w:-]+)|(test)\b)/g)];
  const others = [...text.matchAll(/\bnpx (sst \w+)/g)];
  return [...scripts, ...others].map(([, script, alias]) => script ?? alias ?? "");
};

test("every command is run by CI or excluded with a reason", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const run = new Set([
    ...Object.keys(SMOKE),
    ...Object.keys(TESTED),
    ...commandsIn(read(".ci/run")),
  ]);
  const named = new Set([...Object.keys(scripts), ...commandsIn(read("README.md"))]);
  const known = [...run, ...Object.keys(EXCLUDED)];
  expect([...named].filter((name) => !known.includes(name))).toEqual([]);
  expect(known.filter((name) => !named.has(name))).toEqual([]);
  expect(Object.keys(EXCLUDED).filter((name) => run.has(name))).toEqual([]);
  for (const [name, file] of Object.entries(TESTED)) {
    expect(read(file)).toMatch(new RegExp(`"run", (?:"-s", )?"${name}"`));
  }
});

test("each filter of test:stress selects a test file", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const filters = scripts["test:stress"]?.split("vitest run ")[1]?.split(" ") ?? [];
  const files = globSync("packages/**/*.test.ts", {
    cwd: root,
    exclude: (name) => name.includes("node_modules"),
  });
  expect(filters.length).toBeGreaterThan(0);
  expect(filters.filter((filter) => !files.some((file) => file.includes(filter)))).toEqual([]);
});

describe("--help", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const own = Object.entries(scripts).flatMap(([name, command]) => {
    const file = /^(?:exec )?node (\S+)$/.exec(command)?.[1];
    return file === undefined ? [] : ([[name, file]] as const);
  });

  test.each(own)("npm run %s shows the usage and does nothing else", async (name, file) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, "--help"], {
      cwd: root,
    });
    expect(stdout).toMatch(new RegExp(`^Usage: npm run (?:-s )?${name}\\b`));
    expect(stderr).toBe("");
  });

  test("knows all commands that are programs of this repository", () => {
    expect(own.map(([name]) => name)).toEqual(
      expect.arrayContaining(["dev", "openapi", "reference"]),
    );
    expect(own.length).toBeGreaterThan(12);
  });
});

let laptop: RunningLaptop;
beforeAll(async () => {
  laptop = await startLaptop({
    env: { DYNAMODB_ENDPOINT: undefined, STOCKWIRE_TABLE_PREFIX: undefined },
  });
});
afterAll(() => laptop.close());

test.each(Object.entries(SMOKE))("npm run %s works", async (name, { args, prints }) => {
  const { port } = new URL(laptop.url);
  const given = args.map((arg) => (arg === "PORT" ? port : arg));
  const { stdout } = await promisify(execFile)("npm", ["run", "-s", name, "--", ...given], {
    cwd: root,
  });
  expect(stdout).toMatch(prints);
});
