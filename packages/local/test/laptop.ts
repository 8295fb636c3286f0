import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openIssuerOf } from "../server-registry.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

export interface RunningLaptop {
  url: string;
  pid: number;
  dataDir: string;
  /** All lines that it has printed to standard output. */
  output: string[];
  token(claims: Record<string, unknown>): string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or null if a signal ended it. */
  ended: Promise<number | null>;
  /** Ends it and deletes its folder. */
  close(): Promise<void>;
}

interface Options {
  args?: string[];
  env?: Record<string, string | undefined>;
  dataDir?: string;
}

/** Starts the program of `npm run dev` in another process, and resolves when it is ready. */
export async function startLaptop({
  args = [],
  env = {},
  dataDir,
}: Options = {}): Promise<RunningLaptop> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), "stockwire-laptop-")));
  const child = spawn(process.execPath, [MAIN, "--port", "0", "--data", folder, ...args], {
    // A call takes longer on a busy machine.
    env: { DYNAMODB_TIMEOUT_MS: "5000", ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const output: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      output.push(line);
      const ready = /^Stockwire is ready: (http:\/\/localhost:\d+)$/.exec(line)?.[1];
      if (ready) resolve(ready);
    });
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${errors.join("\n")}`)));
  });
  const issuer = await openIssuerOf({ dataDir: folder, issuer: url });
  if (child.pid === undefined) throw new Error("a running process has a pid");
  return {
    url,
    pid: child.pid,
    dataDir: folder,
    output,
    token: (claims) => issuer.sign({ claims }),
    kill: (signal) => void child.kill(signal),
    ended,
    async close() {
      child.kill("SIGTERM");
      await ended;
      if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The environment of a laptop that has an engine and tables of its own. */
export const onOwnEngine = {
  DYNAMODB_ENDPOINT: undefined,
  STOCKWIRE_TABLE_PREFIX: undefined,
  DATA_TABLE: undefined,
} as const;

/** The environment of a laptop that uses the engine and the tables of the test run. */
export const onSharedEngine = (): Record<string, string | undefined> => ({
  DYNAMODB_ENDPOINT: process.env["DYNAMODB_ENDPOINT"],
  STOCKWIRE_TABLE_PREFIX: process.env["DATA_TABLE"]?.replace(/Data$/, ""),
});
