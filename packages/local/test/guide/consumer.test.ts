/**
 * Runs the programs of docs/consumer.md while records are written, and kills them and the server: each
 * change must be in the output once, in order.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { fencesOf } from "../page.ts";

const root = join(import.meta.dirname, "../../../..");
const fences = fencesOf(readFileSync(join(root, "docs/consumer.md"), "utf8"));
const codeOf = (kind: string): string => {
  const [found, ...others] = fences.filter((fence) => fence.kind === kind);
  if (!found || others.length > 0) throw new Error(`docs/consumer.md has no single block ${kind}`);
  return found.code;
};

const own = { DYNAMODB_ENDPOINT: undefined, STOCKWIRE_TABLE_PREFIX: undefined };

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

describe.each(languages)("the consumer in $language", ({ language, file, tool, version }) => {
  const isThere = spawnSync(tool, version).status === 0;
  const reason = `${tool} is not installed`;

  let folder: string;
  let laptop: RunningLaptop;
  let consumer: ChildProcess | undefined;
  let errors = ""; // of the consumer
  beforeAll(async () => {
    if (!isThere) return;
    folder = await mkdtemp(join(tmpdir(), "stockwire-consumer-"));
    await writeFile(join(folder, file), codeOf(language));
    laptop = await startLaptop({ env: own, args: ["--no-seed"], dataDir: join(folder, "data") });
  });
  afterAll(async () => {
    if (!isThere) return;
    await kill();
    await laptop.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A command of the page, with the files in the folder of this test. */
  const adapt = (command: string) =>
    command
      .replace("go build consumer.go", `(cd ${folder} && go build consumer.go)`)
      .replace("consumer.py", join(folder, "consumer.py"))
      .replace("./consumer ", `${join(folder, "consumer")} `)
      .replace("changes.jsonl", join(folder, "changes.jsonl"));
  const run = (command: string, env: Record<string, string> = {}) =>
    spawn("bash", ["-euc", adapt(command)], {
      cwd: root,
      env: { ...process.env, PORT: new URL(laptop.url).port, API: laptop.url, ...env },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // its own process group, so that a kill reaches the program below bash
    });
  const [startCommand = "", ...buildCommands] = codeOf(`bash consumer ${language}`)
    .split("\n")
    .toReversed();
  const start = () => {
    consumer = run(startCommand);
    consumer.stderr?.setEncoding("utf8").on("data", (part: string) => (errors += part));
  };
  const kill = async () => {
    if (consumer?.pid === undefined || consumer.exitCode !== null) return;
    const ended = once(consumer, "exit");
    process.kill(-consumer.pid, "SIGKILL");
    await ended;
    consumer = undefined;
  };

  const output = () => join(folder, "changes.jsonl");
  const text = () => (existsSync(output()) ? readFileSync(output(), "utf8") : "");
  const lines = () => text().split("\n").slice(0, -1);

  test("copies each change once and in order, while it and the server are killed", async ({
    skip,
  }) => {
    skip(!isThere, reason);
    for (const command of buildCommands.toReversed()) {
      const [code] = (await once(run(command), "exit")) as [number];
      expect([command, code]).toEqual([command, 0]);
    }
    start();
    await until(
      () => `the first checkpoint ${errors}`,
      () => existsSync(`${output()}.checkpoint`),
    );
    const writer = startWriter(() => laptop);
    for (let round = 1; round <= 5; round++) {
      const before = lines().length;
      await until(
        () => `more changes ${errors}`,
        () => lines().length > before + 5,
      );
      if (round === 3) {
        laptop.kill("SIGKILL");
        await laptop.ended;
        const { port } = new URL(laptop.url);
        const args = ["--no-seed", "--port", port];
        laptop = await startLaptop({ env: own, args, dataDir: join(folder, "data") });
        continue;
      }
      await kill();
      // What a kill leaves between the output and the checkpoint: a change, and half of another one.
      await appendFile(output(), `${lines().at(-1)}\n{"feed":"items","seq":`);
      start();
    }
    await writer.stop();
    const last = writer.ids.at(-1) ?? "";
    await until(
      () => `the last change ${errors}`,
      () => lines().some((line) => line.includes(last)),
    );
    const changes = lines().map((line) => JSON.parse(line) as { seq: number; id: string });
    expect(changes.map(({ id }) => id)).toEqual(writer.ids);
    expect(changes.map(({ seq }) => seq)).toEqual(changes.map((_, at) => at + 1));
    expect(changes.length).toBeGreaterThan(30);
  }, 300_000);

  test("ends with the reason when its token is refused", async ({ skip }) => {
    skip(!isThere, reason);
    await kill();
    const command = startCommand.replace(/\$\(.*?\)/, "expired");
    const refused = run(command);
    errors = "";
    refused.stderr?.setEncoding("utf8").on("data", (part: string) => (errors += part));
    const [code] = (await once(refused, "exit")) as [number];
    expect(code).toBe(1);
    await until(
      () => `the reason ${errors}`,
      () => errors.includes("401"),
    );
  });
});

test("the page has no other program", () => {
  const kinds = languages.flatMap(({ language }) => [language, `bash consumer ${language}`]);
  expect(fences.map(({ kind }) => kind).toSorted()).toEqual([...kinds, "mermaid"].toSorted());
});
