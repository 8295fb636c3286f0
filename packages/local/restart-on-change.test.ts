import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { restartOnChange } from "./restart-on-change.ts";

/** A server that writes what it does to a file. */
const SERVER = `
import { appendFileSync } from "node:fs";
import { mode } from "./mode.ts";
const write = (line: string) => appendFileSync(import.meta.dirname + "/../output", line + "\\n");
process.once("SIGTERM", () => { write("stop"); process.exit(0); });
process.once("disconnect", () => { write("parent is gone"); process.exit(0); });
if (mode !== "fails") process.send?.({ port: 4567 });
write(["start", mode, ...process.argv.slice(2)].join(" "));
if (mode === "fails") process.exit(3);
if (mode === "crashes") setTimeout(() => process.exit(4), 50);
`;

let root: string;
let stopping: AbortController;
let lines: string[];
let running: Promise<number> | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "stockwire-watch-"));
  await mkdir(join(root, "src/test"), { recursive: true });
  await writeFile(join(root, "src/server.ts"), SERVER);
  stopping = new AbortController();
  lines = [];
  running = undefined;
});

afterEach(async () => {
  stopping.abort();
  await running;
  await rm(root, { recursive: true });
});

const write = (file: string, text: string) => writeFile(join(root, "src", file), text);
const setMode = (mode: string) => write("mode.ts", `export const mode: string = "${mode}";\n`);
const output = () => readFile(join(root, "output"), "utf8").catch(() => "");
const isPrinted = (text: string) =>
  vi.waitUntil(async () => (await output()).includes(text), { timeout: 20_000, interval: 20 });

function start(): Promise<number> {
  running = restartOnChange({
    program: join(root, "src/server.ts"),
    args: ["--port", "0"],
    root,
    folders: ["src"],
    log: (line) => lines.push(line),
    stopping: stopping.signal,
  });
  return running;
}

test("after a change the server ends, and then starts again on its port", async () => {
  await setMode("one");
  const ended = start();
  await isPrinted("start one");
  await setMode("two");
  await isPrinted("start two");
  // Many editors write a new file and rename it.
  await write("mode.ts.new", `export const mode: string = "three";\n`);
  await rename(join(root, "src/mode.ts.new"), join(root, "src/mode.ts"));
  await isPrinted("start three");
  await setMode("four");
  await isPrinted("start four");
  await mkdir(join(root, "src/new"));
  await write("new/file.ts", "");
  await vi.waitUntil(async () => (await output()).split("start four").length === 3, {
    timeout: 20_000,
  });
  stopping.abort();
  expect(await ended).toBe(0);
  expect((await output()).trimEnd().split("\n")).toEqual([
    "start one --port 0",
    "stop",
    ...["two", "three", "four", "four"].flatMap((mode) => [
      `start ${mode} --port 0 --port 4567`,
      "stop",
    ]),
  ]);
  expect(lines).toEqual(
    [...Array(3).fill("src/mode.ts"), "src/new/file.ts"].map(
      (file) => `${file} has changed: restarting`,
    ),
  );
});

test("tests and files that are not sources restart nothing", async () => {
  await setMode("one");
  const ended = start();
  await isPrinted("start one");
  for (const file of [
    "server.test.ts",
    "test/helper.ts",
    "README.md",
    ".mode.ts.swp",
    "mode.ts~",
  ]) {
    await write(file, "");
  }
  // Changes are seen in their order: had one of these counted, the restart would name it.
  await setMode("two");
  await isPrinted("start two");
  stopping.abort();
  await ended;
  expect(lines).toEqual(["src/mode.ts has changed: restarting"]);
});

test("a server that ends before it is ready is not started again", async () => {
  await setMode("fails");
  expect(await start()).toBe(3);
});

test("a server that crashes later starts again after the next change", async () => {
  await setMode("one");
  const ended = start();
  await isPrinted("start one");
  await setMode("crashes");
  await vi.waitUntil(() => lines.at(-1)?.startsWith("The server has ended"), { timeout: 20_000 });
  await setMode("two");
  await isPrinted("start two");
  stopping.abort();
  expect(await ended).toBe(0);
});
