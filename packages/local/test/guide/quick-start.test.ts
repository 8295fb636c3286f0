/** Runs docs/quick-start.md as its reader does, on a server that its first block starts. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onOwnEngine } from "../laptop.ts";
import { blocksOf, fencesOf, matches, runBlocks } from "../page.ts";

const root = join(import.meta.dirname, "../../../..");
const page = readFileSync(join(root, "docs/quick-start.md"), "utf8");
const [start, ...otherStarts] = fencesOf(page).filter(({ kind }) => kind === "bash server");
const blocks = blocksOf(page, ["bash server", "mermaid"]);

let outputs: (string | undefined)[];
let stderr: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-quick-start-"));
  // CI has installed the packages; the port and the data are the test's own.
  const command = start?.code.replace("npm ci && ", "exec ") ?? "";
  const server = spawn("bash", ["-c", `${command} -- --port 0 --data ${folder}`], {
    cwd: root,
    env: { ...process.env, ...onOwnEngine },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  stop = async () => {
    server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true });
  };
  const lines = createInterface({ input: server.stdout });
  const port = await new Promise<string>((resolve, reject) => {
    void ended.then(([code]) => reject(new Error(`the server ended with ${code}`)));
    lines.on("line", (line) => {
      // The page says to wait for this line.
      const [, found] = /^Stockwire is ready: http:\/\/localhost:(\d+)$/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const adapt = (code: string) =>
    code
      .replaceAll("localhost:3000", `localhost:${port}`)
      // A reader is slower than the change log.
      .replace(
        'api "/inventory/$ID/history"',
        `until api "/inventory/$ID/history" | grep '"version":3' > /dev/null; do sleep 0.1; done\n$&`,
      );
  const env = { ...process.env, PORT: port };
  ({ outputs, stderr } = await runBlocks(blocks, { cwd: root, env, adapt }));
}, 180_000);
afterAll(() => stop());

test("there is one command that starts a server", () => {
  expect([start?.code, otherStarts]).toEqual(["npm ci && npm run dev", []]);
  expect(blocks.length).toBeGreaterThan(4);
});

test.each(blocks.map((block, at) => ({ ...block, at })))(
  "the commands at line $line print what the page shows",
  ({ at, prints = "" }) => {
    const output = outputs[at];
    if (output === undefined) throw new Error(`a command failed: ${stderr}`);
    expect(matches(output, prints) ? prints : output).toBe(prints);
  },
);
