import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openIssuerOf } from "@stockwire/local/server-registry";
import { endsWithRun } from "./child.ts";

/** `npm run dev`'s own program, on data of its own. */
export interface Laptop {
  url: string;
  port: number;
  pids: { gateway: number; engine: number };
  token(claims: Record<string, unknown>): string;
  stop(): Promise<void>;
}

const MAIN = join(import.meta.dirname, "../local/main.ts");

export async function startLaptop(dataDir: string): Promise<Laptop> {
  const { DYNAMODB_ENDPOINT: _, STOCKWIRE_TABLE_PREFIX: __, ...env } = process.env;
  const args = [MAIN, "--port", "0", "--data", dataDir, "--no-seed"];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  endsWithRun(child, () => child.kill("SIGTERM"));
  const ended = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const ready = /^Stockwire is ready: (\S+)$/.exec(line)?.[1];
      if (ready) resolve(ready);
    });
    child.once("exit", () => reject(new Error("npm run dev ended before it was ready")));
  });
  const issuer = await openIssuerOf({ dataDir, issuer: url });
  const engine = /\d+/.exec(await readFile(join(dataDir, "engine.pid"), "utf8"))?.[0];
  return {
    url,
    port: Number(new URL(url).port),
    pids: { gateway: child.pid ?? 0, engine: Number(engine) },
    token: (claims) => issuer.sign({ claims }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
