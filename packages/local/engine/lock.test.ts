import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalError } from "../error.ts";
import { lockFolder } from "./lock.ts";

const MODULE = new URL("lock.ts", import.meta.url);
const HOLDER = `
const { lockFolder } = await import(${JSON.stringify(MODULE)});
try { await lockFolder(process.argv[1]); console.log("held"); process.stdin.resume(); }
catch (error) { console.log(error.name); }`;

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-lock-"));
});

afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
  await rm(folder, { recursive: true, force: true });
});

/** Starts another process that tries to lock the folder, and holds the lock if it gets it. */
async function startHolder(): Promise<{ child: ChildProcess; result: unknown }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, folder]);
  children.push(child);
  const [result]: unknown[] = await once(createInterface(child.stdout), "line");
  return { child, result };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("a folder is created and locked, and can be locked again after the release", async () => {
  const inner = join(folder, "a", "b");
  const lock = await lockFolder(inner);
  expect(await readFile(join(inner, "lock.pid"), "utf8")).toMatch(`${process.pid} `);
  await lock.release();
  expect(existsSync(join(inner, "lock.pid"))).toBe(false);
  await (await lockFolder(inner)).release();
});

test("a second lock in the same process is refused with the process id", async () => {
  const lock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(`process ${process.pid} is using`);
  await lock.release();
});

test("a folder that a running process has locked is refused with its process id", async () => {
  const { child } = await startHolder();
  const refused = lockFolder(folder);
  await expect(refused).rejects.toThrow(LocalError);
  await expect(refused).rejects.toThrow(
    `process ${child.pid} is using the data folder ${folder}: end it, or use another`,
  );
});

test("the lock of a process that was killed is free immediately", async () => {
  const { child } = await startHolder();
  await kill(child);
  expect(existsSync(join(folder, "lock.pid"))).toBe(true);
  await (await lockFolder(folder)).release();
});

test("a stale lock is free even if another process now has its owner's id", async () => {
  await writeFile(join(folder, "lock.pid"), `${process.pid} some other time\n`);
  const lock = await lockFolder(folder);
  expect(await readFile(join(folder, "lock.pid"), "utf8")).not.toMatch("some other time");
  await lock.release();
});

test("exactly one of several processes that compete for a stale lock gets it", async () => {
  for (let round = 0; round < 3; round++) {
    const stale = await startHolder();
    expect(stale.result).toBe("held");
    await kill(stale.child);
    const racers = await Promise.all(Array.from({ length: 6 }, startHolder));
    expect(racers.filter(({ result }) => result === "held")).toHaveLength(1);
    expect(racers.filter(({ result }) => result === "LocalError")).toHaveLength(5);
    await Promise.all(racers.map(({ child }) => kill(child)));
  }
});

test("a folder that cannot be created or written is one clear line with its name", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  for (const impossible of [file, join(file, "below"), "/dev/null/x"]) {
    const refused = lockFolder(impossible);
    await expect(refused).rejects.toThrow(LocalError);
    await expect(refused).rejects.toThrow(`the data folder ${impossible} cannot be written`);
  }
});
