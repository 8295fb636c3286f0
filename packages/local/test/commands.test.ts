/**
 * No command may break unseen: each script of package.json, and each command that the README names,
 * is run here, by .ci/run or by another test, or is excluded with a reason.
 */

import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { appendFile, mkdir, readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onOwnEngine, type RunningLaptop, startLaptop } from "./laptop.ts";

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
  export: { args: ["users", "--port", "PORT"], prints: /^id,name,email,.*\n.*john@example.com/ },
  redrive: { args: ["--port", "PORT"], prints: /^stream: 0 shown\ndelivery: 0 shown\n$/ },
  "check-stock": { args: ["--port", "PORT"], prints: /./ },
  keys: { args: ["list", "--port", "PORT"], prints: /^\w{10} {2}basic .* demo$/m },
  cost: { args: ["--requests", "1000000"], prints: /^USD a month +\d+\.\d\d/m },
  "gateway-cases": {
    args: ["packages/gateway/cases/gateway-cases.json", "--filter", "H0"],
    prints: /^[1-9]\d* passed, 0 failed/m,
  },
};

/** Commands that another test runs, with its file. */
const TESTED: Readonly<Record<string, string>> = {
  dev: "packages/local/test/readme.test.ts",
  import: "packages/local/test/readme.test.ts",
  serve: "packages/local/test/hosts/hosts.test.ts",
  watch: "packages/local/test/readme.test.ts",
};

const EXCLUDED: Readonly<Record<string, string>> = {
  "test:unit": "npm test runs the same project",
  "test:infra": "npm test runs the same project",
  "test:stress": "takes a quarter of an hour; npm test runs its files with small counts",
  coverage: "measures what npm test runs",
  mutants: "takes a quarter of an hour; npm test checks that each defect can be planted",
  pictures: "writes the pictures of docs/console, for which test:e2e has the same pages",
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
    const file = /^(?:[A-Z_]+=\S+ )?(?:exec )?node (\S+)$/.exec(command)?.[1];
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
  laptop = await startLaptop({ env: onOwnEngine });
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

describe("npm run redrive on this machine", () => {
  const folder = () => join(laptop.dataDir, "dead-letters");
  const linesOf = async (name: string) =>
    (await readFile(join(folder(), name), "utf8").catch(() => "")).split("\n").slice(0, -1);
  const redrive = async (...args: string[]) => {
    const file = join(root, "packages/local/commands/redrive.ts");
    const all = [file, "--port", new URL(laptop.url).port, ...args];
    const run = promisify(execFile)(process.execPath, all);
    return run.catch((error: unknown) => error as { stdout: string; code: number });
  };
  const letter = (id: string, version: { N: string } | { S: string }) => {
    const text = (S: string) => ({ S });
    const [pk, sk, at] = [text("ITEM#0"), text(id), text("2026-11-21T00:43:40.123Z")];
    const meta = { actor: text("ana"), requestId: text("r"), createdAt: at, updatedAt: at };
    const NewImage = { pk, sk, ...meta, version, data: text('{"n":1}') };
    const Records = [{ dynamodb: { Keys: { pk, sk }, NewImage } }];
    const requestContext = { condition: "UnreadableRecord" };
    return JSON.stringify({ requestContext, timestamp: at.S, payload: { Records } });
  };

  test("--send puts changes into the log, and keeps what cannot be read", async () => {
    const poison = letter("poison", { S: "seven" });
    await mkdir(folder(), { recursive: true });
    // A command that was killed has left a file; the server has written the other one since.
    await writeFile(join(folder(), "changes.jsonl.taken-1"), `${letter("lost", { N: "1" })}\n`);
    await appendFile(join(folder(), "changes.jsonl"), `${poison}\n`);
    // The letters of the server are sent last, even if its file has an older time.
    await utimes(join(folder(), "changes.jsonl"), 0, 0);
    expect((await redrive()).stdout).toMatch(/ITEM#0\nstream: 2 shown\n/);
    const { stdout, ...rest } = await redrive("--queue", "stream", "--send");
    expect(stdout).toMatch(/ITEM#0: sent\n.*ITEM#0: kept, it still.*\nstream: 1 sent, 1 failed\n$/);
    expect(rest).toMatchObject({ code: 1 });
    expect(await readdir(folder())).toEqual(["changes.jsonl"]);
    expect(await linesOf("changes.jsonl")).toEqual([poison]);
    const token = laptop.token({ sub: "ana", scope: "read:items read:history" });
    const answer = await fetch(`${laptop.url}/items/lost/history`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await answer.json()).toMatchObject({ items: [{ op: "create", id: "lost" }] });
    await redrive("--queue", "stream", "--discard");
    expect(await readdir(folder())).toEqual([]);
  });

  test("--send hands messages to the delivery queue", async () => {
    const message = { body: '{"connectionIds":[],"frames":[]}' };
    await mkdir(folder(), { recursive: true });
    await writeFile(join(folder(), "delivery.jsonl"), `${JSON.stringify({ message })}\n`);
    const { stdout } = await redrive("--queue", "delivery", "--send");
    expect(stdout).toBe("delivery  unknown time  frames, 32 bytes: sent\ndelivery: 1 sent\n");
    expect(await linesOf("delivery.jsonl")).toEqual([]);
  });
});
