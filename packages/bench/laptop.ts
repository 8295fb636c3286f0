import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openIssuerOf } from "@stockwire/local/server-registry";
import { killWithRun } from "./child.ts";

/** The program of `npm run dev`, started on data of its own and on a free port. */
export interface Laptop {
  url: string;
  port: number;
  pids: { gateway: number; engine: number };
  token(claims: Record<string, unknown>): string;
  stop(): Promise<void>;
}

export const LAPTOP = join(import.meta.dirname, "../local/main.ts");

/** What `npm run dev` sets besides: compiled code is read from a cache, which saves time and memory. */
export const LAPTOP_ENV = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/node"),
};

/** Waits until the laptop is ready. */
export async function startLaptop(dataDir: string): Promise<Laptop> {
  const { DYNAMODB_ENDPOINT: _, STOCKWIRE_TABLE_PREFIX: __, ...env } = process.env;
  const args = [LAPTOP, "--port", "0", "--data", dataDir, "--no-seed"];
  const child = spawn(process.execPath, args, {
    env: { ...env, ...LAPTOP_ENV },
    stdio: ["ignore", "pipe", "inherit"],
  });
  killWithRun(child, () => child.kill("SIGTERM"));
  const ended = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const ready = /^Stockwire is ready: (\S+)/.exec(line)?.[1];
      if (ready) resolve(ready);
    });
    child.once("exit", () => reject(new Error("the laptop exited before it was ready")));
  });
  const issuer = await openIssuerOf({ dataDir, issuer: url });
  return {
    url,
    port: Number(new URL(url).port),
    pids: { gateway: child.pid ?? 0, engine: await enginePid(dataDir) },
    token: (claims) => issuer.sign({ claims }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** The engine of a laptop that runs on `dataDir`. */
export async function enginePid(dataDir: string): Promise<number> {
  return Number(/\d+/.exec(await readFile(join(dataDir, "engine.pid"), "utf8"))?.[0]);
}
