/**
 * Runs the programs of docs/consumer.md while records are written, and kills them and the server: each
 * change must be in the output once, in order.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onOwnEngine, type RunningLaptop, startLaptop } from "../laptop.ts";
import { fencesOf } from "../page.ts";

const root = join(import.meta.dirname, "../../../..");
const fences = fencesOf(readFileSync(join(root, "docs/consumer.md"), "utf8"));
const codeOf = (kind: string): string => {
  const [found, ...others] = fences.filter((fence) => fence.kind === kind);
  if (!found || others.length > 0) throw new Error(`docs/consumer.md has no single block ${kind}`);
  return found.code;
};

const languages = [
  { language: "python", file: "consumer.py", tool: "python3", version: ["--version"] },
  { language: "go", file: "consumer.go", tool: "go", version: ["version"] },
];

/** Waits until `condition` holds; polls, since the change is in another process. */
async function until(what: () => string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 100_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Creates items, one after another, until `stop`. Repeats each request with its key until it is answered. */
function startWriter(laptop: () => RunningLaptop) {
  const ids: string[] = [];
  let isOver = false;
  const writeOne = async (): Promise<void> => {
    const key = crypto.randomUUID();
    for (;;) {
      const { url } = laptop();
      const authorization = `Bearer ${laptop().token({ sub: "ana", scope: "write:items" })}`;
      try {
        const answer = await fetch(`${url}/items`, {
          method: "POST",
          headers: { authorization, "content-type": "application/json", "idempotency-key": key },
          body: JSON.stringify({ type: "note", text: "a".repeat(500) }),
        });
        const { id } = (await answer.json()) as { id?: string };
        if (answer.status === 201 && id !== undefined) return void ids.push(id);
      } catch {
        // the server was killed
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const write = async () => {
    while (!isOver) await writeOne();
    await writeOne(); // the last one is written when nothing is killed any more
  };
  const writing = write();
  return {
    ids,
    stop: async () => {
      isOver = true;
      await writing;
    },
  };
}

/** A program of the page in a folder of its own, against the laptop of this file. */
function consumerOf({ language, file, tool, version }: (typeof languages)[number]) {
  const isInstalled = spawnSync(tool, version).status === 0;
  const home = join(folder, language);
  const output = join(home, "changes.jsonl");
  let running: ChildProcess | undefined;
  let errors = "";

  /** A command of the page, with the files in the folder of this program. */
  const adapt = (command: string) =>
    command
      .replace("go build consumer.go", `(cd ${home} && go build consumer.go)`)
      .replace("consumer.py", join(home, "consumer.py"))
      .replace("./consumer ", `${join(home, "consumer")} `)
      .replace("changes.jsonl", output);
  const run = (command: string) => {
    const child = spawn("bash", ["-euc", adapt(command)], {
      cwd: root,
      env: { ...process.env, PORT: new URL(laptop.url).port, API: laptop.url },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // its own process group, so that a kill reaches the program below bash
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => (errors += part));
    return child;
  };
  const [startCommand = "", ...others] = codeOf(`bash consumer ${language}`)
    .split("\n")
    .toReversed();
  const lines = () =>
    existsSync(output) ? readFileSync(output, "utf8").split("\n").slice(0, -1) : [];

  return {
    isInstalled,
    reason: `${tool} is not installed`,
    lines,
    hasCheckpoint: () => existsSync(`${output}.checkpoint`),
    errors: () => `${language}: ${errors}`,
    build: async () => {
      await mkdir(home);
      await writeFile(join(home, file), codeOf(language));
      for (const command of others.toReversed()) {
        const [code] = (await once(run(command), "exit")) as [number];
        expect([command, code]).toEqual([command, 0]);
      }
    },
    start: () => void (running = run(startCommand)),
    kill: async () => {
      if (running?.pid === undefined || running.exitCode !== null) return;
      const ended = once(running, "exit");
      process.kill(-running.pid, "SIGKILL");
      await ended;
      running = undefined;
    },
    /** What a kill leaves between the output and the checkpoint: a change, and half of another one. */
    leaveHalf: () => appendFile(output, `${lines().at(-1)}\n{"feed":"items","seq":`),
    /** Its exit code with a token that is refused. */
    refused: async () => {
      errors = "";
      const [code] = (await once(run(startCommand.replace(/\$\(.*?\)/, "expired")), "exit")) as [
        number,
      ];
      return code;
    },
  };
}

let folder: string;
let laptop: RunningLaptop;
let consumers: ReturnType<typeof consumerOf>[];
const installed = () => consumers.filter(({ isInstalled }) => isInstalled);
const each = <T>(work: (one: (typeof consumers)[number]) => T | Promise<T>) =>
  Promise.all(installed().map(work));
const all = (what: string, condition: (one: (typeof consumers)[number]) => boolean) =>
  until(
    () => [what, ...consumers.map(({ errors }) => errors())].join("\n"),
    () => installed().every(condition),
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-consumer-"));
  consumers = languages.map(consumerOf);
  laptop = await startLaptop({
    env: onOwnEngine,
    args: ["--no-seed"],
    dataDir: join(folder, "data"),
  });
  await each(({ build }) => build());
}, 120_000);
afterAll(async () => {
  await each(({ kill }) => kill());
  await laptop.close();
  await rm(folder, { recursive: true, force: true });
});

// All at the same time: each of them must survive the same kills of the server.
test("the consumers copy each change once and in order, while they and the server are killed", async ({
  skip,
}) => {
  skip(installed().length === 0, "neither Python nor Go is installed");
  await each(({ start }) => start());
  await all("the first checkpoint", ({ hasCheckpoint }) => hasCheckpoint());
  const writer = startWriter(() => laptop);
  for (let round = 1; round <= 5; round++) {
    const before = new Map(consumers.map((one) => [one, one.lines().length]));
    await all("more changes", (one) => one.lines().length > (before.get(one) ?? 0) + 5);
    if (round === 3) {
      laptop.kill("SIGKILL");
      await laptop.ended;
      const args = ["--no-seed", "--port", new URL(laptop.url).port];
      laptop = await startLaptop({ env: onOwnEngine, args, dataDir: join(folder, "data") });
      continue;
    }
    await each(async ({ kill, leaveHalf, start }) => {
      await kill();
      await leaveHalf();
      start();
    });
  }
  await writer.stop();
  const last = writer.ids.at(-1) ?? "";
  await all("the last change", ({ lines }) => lines().some((line) => line.includes(last)));
  for (const { lines } of installed()) {
    const changes = lines().map((line) => JSON.parse(line) as { seq: number; id: string });
    expect(changes.map(({ id }) => id)).toEqual(writer.ids);
    expect(changes.map(({ seq }) => seq)).toEqual(changes.map((_, at) => at + 1));
    expect(changes.length).toBeGreaterThan(30);
  }
}, 300_000);

test.for(languages.map(({ language }, at) => ({ language, at })))(
  "the consumer in $language ends with the reason when its token is refused",
  async ({ at }, { skip }) => {
    const consumer = consumers[at];
    skip(!consumer?.isInstalled, consumer?.reason);
    await consumer?.kill();
    expect(await consumer?.refused()).toBe(1);
    await until(
      () => `the reason ${consumer?.errors()}`,
      () => consumer?.errors().includes("401") === true,
    );
  },
);

test("the page has no other program", () => {
  const kinds = languages.flatMap(({ language }) => [language, `bash consumer ${language}`]);
  expect(fences.map(({ kind }) => kind).toSorted()).toEqual([...kinds, "mermaid"].toSorted());
});
