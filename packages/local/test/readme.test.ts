/** Runs the commands of README.md and docs/requirements.md, changed only in port and folder. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onOwnEngine, type RunningLaptop, startLaptop } from "./laptop.ts";
import { blocksOf, matches, runBlocks } from "./page.ts";

const root = join(import.meta.dirname, "../../..");

let laptop: RunningLaptop;
let port: string;
beforeAll(async () => {
  laptop = await startLaptop({ env: onOwnEngine });
  port = new URL(laptop.url).port;
});
afterAll(() => laptop.close());

/** A page's command for the laptop of this file. */
const adapt = (code: string) =>
  code
    .replaceAll("localhost:3000", `localhost:${port}`)
    .replaceAll(".stockwire/servers/3000", `.stockwire/servers/${port}`)
    .replaceAll(".stockwire/issuer", `${laptop.dataDir}/issuer`);

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The commands of a section of the README. */
function commandsOf(heading: string): string {
  const [, section = ""] = readme.split(`\n## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = ""]) => code).join("");
}

/** Shells as a user has them, without files of settings. In zsh, a comment is a command that fails. */
const shells: readonly [name: string, args: readonly string[]][] = [
  ["bash", ["--norc", "-i"]],
  ["zsh", ["-f", "-i"]],
];
const isInstalled = (name: string) =>
  (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, name)));

/** Pastes lines into a shell, and returns the JSON objects that it prints, and its other output. */
async function paste(shell: string, args: readonly string[], lines: string) {
  const env = { ...process.env, PORT: port, PS1: "", PROMPT: "", HISTFILE: "/dev/null" };
  const child = spawn(shell, args, {
    cwd: root,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(lines);
  await once(child, "close");
  const answers = stdout.match(/^\{$[\s\S]*?^\}$/gm) ?? [];
  return { answers: answers.map((text) => JSON.parse(text) as unknown), stdout, stderr };
}

test.each(shells.filter(([name]) => isInstalled(name)))(
  "the tour, pasted into %s, creates, lists, conflicts, updates once and sells the last unit once",
  async (shell, args) => {
    const tour = adapt(commandsOf("Two minutes with curl"))
      .replaceAll("BOOK-1", `BOOK-${shell}`)
      .replaceAll("=books", `=books-${shell}`)
      .replaceAll('"Books"', `"Books-${shell}"`);
    const { answers, stderr } = await paste(shell, args, tour);
    expect(answers, stderr).toEqual([
      expect.objectContaining({ name: "Signed first edition", version: 1 }),
      expect.objectContaining({ count: 1 }),
      expect.objectContaining({ code: "sku_exists" }),
      expect.objectContaining({ price: 275, version: 2 }),
      expect.objectContaining({ code: "precondition_failed", currentVersion: 2 }),
      expect.objectContaining({ quantity: 0, level: "out" }),
      expect.objectContaining({ code: "insufficient_stock" }),
    ]);
    expect(stderr).not.toMatch(/not found|no matches|parse error|syntax error/);
  },
);

test("no command of the README is a comment, or has a pattern of zsh without quotes", () => {
  const lines = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, code = ""]) =>
    code.split("\n"),
  );
  const bare = (line: string) => line.replaceAll(/'[^']*'|"(?:[^"\\]|\\.)*"/g, "");
  expect(lines.filter((line) => /^#|\s#|[?*[]/.test(bare(line)))).toEqual([]);
  expect(lines.length).toBeGreaterThan(10);
});

test("the data of the README are exported, and their import changes nothing", async () => {
  const out = await mkdtemp(join(tmpdir(), "stockwire-data-"));
  const file = join(out, "products.csv");
  const npm = (...args: string[]) =>
    promisify(execFile)("npm", ["run", ...args, "--port", port], { cwd: root });
  const { stdout } = await npm("-s", "export", "--", "products");
  await writeFile(file, stdout);
  const { stderr } = await promisify(execFile)(
    "npm",
    ["run", "import", "--", "products", file, "--port", port],
    { cwd: root },
  );
  expect(stderr).toMatch(/(\d+) of \1 lines: 0 created, 0 updated, \1 unchanged, 0 refused\n$/);
  await rm(out, { recursive: true });
});

describe("docs/requirements.md", () => {
  const page = readFileSync(join(root, "docs/requirements.md"), "utf8");
  const blocks = blocksOf(page);
  const runnable = blocks.filter(({ runs }) => runs);
  let outputs: (string | undefined)[];
  let stderr: string;
  beforeAll(async () => {
    const env = { ...process.env, PORT: port };
    ({ outputs, stderr } = await runBlocks(runnable, { cwd: root, env, adapt }));
  }, 180_000);

  test.each(runnable.map((block, at) => ({ ...block, at })))(
    "the commands at line $line print what the page shows",
    ({ at, prints = "" }) => {
      const output = outputs[at];
      if (output === undefined) {
        const isFirst = at === outputs.indexOf(undefined);
        throw new Error(isFirst ? `a command failed: ${stderr}` : "an earlier command failed");
      }
      const shown = adapt(prints);
      expect(matches(output, shown) ? shown : output).toBe(shown);
    },
  );

  test("all blocks run but those that only call AWS or its command line", () => {
    const skipped = blocks.filter(({ runs }) => !runs).flatMap(({ code }) => code.split("\n"));
    expect(skipped.filter((line) => !/^(?:npx sst|aws) /.test(line))).toEqual([]);
    expect(page.match(/^_Needs AWS.*:_\n\n```bash aws$/gm)).toHaveLength(3); // and the reader sees why
    expect(blocks.length - runnable.length).toBe(3);
    expect(runnable.length).toBeGreaterThan(15);
  });

  test("its npm scripts exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [...page.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test("a page with other output, a failing command or an unknown block is recognised", async () => {
  const fence = "```";
  const page = (kind: string) =>
    `${fence}${kind}\necho one\n${fence}\n\n${fence}text\none\n${fence}\n`;
  expect(blocksOf(page("bash"))).toEqual([
    { line: 1, code: "echo one", runs: true, prints: "one" },
  ]);
  for (const kind of ["sh", "json", "bash skip", "bash aws"]) {
    expect(() => blocksOf(page(kind))).toThrow("is not run or compared");
  }
  expect(matches('{"a":1,"b":2} 200\n', '{…"b":2} 200')).toBe(true);
  expect(matches('{"a":1,"b":3} 200\n', '{…"b":2} 200')).toBe(false);
  expect(matches("one\ntwo\nthree\n", "…\nthree")).toBe(true);
  expect(matches("one\ntwo\n", "one")).toBe(false);
  expect(matches("", "")).toBe(true);
  const block = (code: string) => ({ line: 1, code, runs: true, prints: undefined });
  const shell = { cwd: root, env: process.env, adapt: (code: string) => code };
  const { outputs } = await runBlocks(["echo one", "false", "echo two"].map(block), shell);
  expect(outputs).toEqual(["one\n", undefined, undefined]);
});

test("watch prints each change as it happens, and ends on a signal", async () => {
  const watch = spawn("npm", ["run", "-s", "watch", "--", "inventory", "--port", port], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(watch, "exit");
  const [ready] = (await once(createInterface({ input: watch.stderr }), "line")) as [string];
  expect(ready).toBe(`Watching inventory on port ${port}`);
  const lines = createInterface({ input: watch.stdout });
  const line = once(lines, "line");
  const headers = {
    authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}`,
    "content-type": "application/json",
  };
  const pen = { name: "Pen", price: 1, category: "Pens", initialQuantity: 5 };
  const body = JSON.stringify(pen);
  await fetch(`${laptop.url}/products`, { method: "POST", headers, body });
  expect(String(await line)).toMatch(/inventory #\d+ {2}create [0-9a-f-]{36} v1 {2}by ana$/);
  watch.kill("SIGTERM");
  await ended;
});

test("watch ends when the server refuses the topic, or when its output is not read any more", async () => {
  const shell = (command: string) => promisify(execFile)("bash", ["-c", command], { cwd: root });
  const watch = `npm run -s watch -- --port ${port}`;
  await expect(shell(`${watch} foo`)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^[^\n]+\n$/),
  });
  const head = shell(`${watch} products | head -1`);
  const headers = {
    authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}`,
    "content-type": "application/json",
  };
  let isOver = false;
  const write = async () => {
    const pen = { name: "Pen", price: 1, category: "Pens" };
    while (!isOver) {
      const answer = await fetch(`${laptop.url}/products`, {
        method: "POST",
        headers,
        body: JSON.stringify(pen),
      });
      await answer.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const writing = write();
  const { stdout, stderr } = await head.finally(() => (isOver = true));
  await writing;
  expect(stdout).toMatch(/^\S+ {2}products #\d+ .*\n$/);
  expect(stderr).toBe(`Watching products on port ${port}\n`);
});

test("watch reports an error in one line", async () => {
  const run = (...args: string[]) =>
    promisify(execFile)("npm", ["run", "-s", "watch", "--", ...args], { cwd: root }).then(
      () => "",
      ({ stderr }: { stderr: string }) => stderr,
    );
  expect(await run("inventory", "--port", "1")).toContain(
    "No server of this folder runs on port 1",
  );
  expect(await run("--port", "x")).toContain("--port must be 1 to 65535");
});

test("npm run dev ends on the signal that npm receives, and leaves no process", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-npm-"));
  const npm = spawn("npm", ["run", "dev", "--", "--port", "0", "--data", folder], {
    cwd: root,
    env: { ...process.env, ...onOwnEngine },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(npm, "exit");
  for await (const line of createInterface({ input: npm.stdout })) {
    if (line.startsWith("Stockwire is ready")) npm.kill("SIGTERM");
  }
  await ended;
  const { stdout } = await promisify(execFile)("ps", ["-eo", "args"]);
  expect(stdout.split("\n").filter((line) => line.includes(folder))).toEqual([]);
  await rm(folder, { recursive: true });
});
