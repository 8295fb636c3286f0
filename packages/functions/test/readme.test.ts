import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startLaptop } from "./laptop.ts";

/** What the README says, typed as it stands but for the port and the folder. */

const root = join(import.meta.dirname, "../../..");
const own = { DYNAMODB_ENDPOINT: undefined, STOCKWIRE_TABLE_PREFIX: undefined };

test("S-104, S-308: the tour creates, lists, conflicts, updates once and sells the last unit once", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const tour = /## Two minutes with curl[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const laptop = await startLaptop({ env: own });
  try {
    const { port } = new URL(laptop.url);
    const script = tour
      .replaceAll("localhost:3000", `localhost:${port}`)
      .replaceAll(/curl -s (?!"localhost.*sku=)/g, "curl -s -w '\\n' "); // one answer a line
    const { stdout } = await promisify(execFile)("bash", ["-euc", script], {
      cwd: root,
      env: { ...process.env, PORT: port },
    });
    const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ name: "Signed first edition", version: 1 }),
      expect.objectContaining({ count: 1 }),
      expect.objectContaining({ code: "sku_exists" }),
      expect.objectContaining({ price: 275, version: 2 }),
      expect.objectContaining({ code: "precondition_failed", currentVersion: 2 }),
      expect.objectContaining({ quantity: 0, level: "out" }),
      expect.objectContaining({ code: "insufficient_stock" }),
    ]);
  } finally {
    await laptop.close();
  }
});

test("npm run dev ends with the signal that npm gets, and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-npm-"));
  const npm = spawn("npm", ["run", "dev", "--", "--port", "0", "--data", folder], {
    cwd: root,
    env: { ...process.env, ...own },
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
