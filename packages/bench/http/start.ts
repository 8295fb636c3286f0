/** Time from `npm run dev` to ready, on existing data, and the memory that it then uses. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { killWithRun } from "../child.ts";
import type { Context } from "../context.ts";
import { enginePid, LAPTOP, LAPTOP_ENV } from "../laptop.ts";
import { atMost, fixed, median, type Report } from "../report.ts";
import { memoryOf } from "../usage.ts";

const FULL = { samples: 5, idle: 1_000 }; // idle: ms until memory is measured
const SMOKE: typeof FULL = { samples: 1, idle: 0 };
const ROOT = join(import.meta.dirname, "../../..");
const START_GOAL = 1.5; // s
const MEMORY_GOAL = 150; // MB

interface Sample {
  seconds: number;
  gateway: number; // MB
  engine: number; // MB
}

export async function start(context: Context): Promise<Report> {
  const { samples, idle } = context.smoke ? SMOKE : FULL;
  const dataDir = join(context.dir, "laptop");
  await runOnce("node", dataDir); // creates the tables and the demo data
  const direct: Sample[] = [];
  const npm: Sample[] = [];
  for (let n = 0; n < samples; n++) {
    npm.push(await runOnce("npm", dataDir));
    direct.push(await runOnce("node", dataDir, n === 0 ? idle : undefined));
  }
  const seconds = (all: Sample[]) => median(all.map((sample) => sample.seconds));
  const { gateway = 0, engine = 0 } = direct[0] ?? {};
  return {
    tables: [
      {
        title: `start: to ready on existing data, medians of ${samples}, and memory when idle`,
        head: ["", "", "goal", ""],
        rows: [
          ["npm run dev, s", fixed(seconds(npm)), ...atMost(seconds(npm), START_GOAL)],
          ["  of it without npm, s", fixed(seconds(direct))],
          [
            "gateway and engine, MB",
            fixed(gateway + engine, 0),
            ...atMost(gateway + engine, MEMORY_GOAL, 0),
          ],
          ["  gateway", fixed(gateway, 0)],
          ["  engine", fixed(engine, 0)],
        ],
      },
    ],
    raw: { npm, direct },
  };
}

/** Starts the laptop and stops it again. With `idle` it waits so many ms and measures memory. */
async function runOnce(command: "npm" | "node", dataDir: string, idle?: number): Promise<Sample> {
  const options = ["--port", "0", "--data", dataDir];
  const [program, args] =
    command === "npm"
      ? ["npm", ["run", "-s", "dev", "--", ...options]]
      : [process.execPath, [LAPTOP, ...options]];
  const { DYNAMODB_ENDPOINT: _, ...env } = process.env;
  const started = performance.now();
  // A process group of its own, so that a signal also reaches the children of npm.
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...env, ...LAPTOP_ENV },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
  killWithRun(child, end);
  try {
    let ready = false;
    for await (const line of createInterface({ input: child.stdout })) {
      ready = line.startsWith("Stockwire is ready");
      if (ready) break;
    }
    if (!ready) throw new Error("the laptop exited before it was ready");
    const seconds = (performance.now() - started) / 1000;
    if (idle === undefined) return { seconds, gateway: 0, engine: 0 };
    await pause(idle);
    return {
      seconds,
      gateway: await memoryOf(child.pid ?? 0),
      engine: await memoryOf(await enginePid(dataDir)),
    };
  } finally {
    end();
    await ended;
  }
}
