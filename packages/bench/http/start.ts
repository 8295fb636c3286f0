import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { endsWithRun } from "../child.ts";
import type { Context } from "../context.ts";
import { atMost, fixed, median, type Report } from "../report.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SAMPLES = 5;
const START_GOAL = 1.5; // s
const MEMORY_GOAL = 150; // MB
const IDLE = 1_000; // ms

interface Sample {
  seconds: number;
  gateway: number; // MB
  engine: number; // MB
}

/** `npm run dev` on data that are there, until it says that it is ready. */
export async function start(context: Context): Promise<Report> {
  const dataDir = join(context.dir, "laptop");
  await runOnce("node", dataDir, false); // makes the tables and the demo data
  const direct: Sample[] = [];
  const npm: Sample[] = [];
  for (let n = 0; n < SAMPLES; n++) {
    npm.push(await runOnce("npm", dataDir, false));
    direct.push(await runOnce("node", dataDir, n === 0));
  }
  const seconds = (samples: Sample[]) => median(samples.map((sample) => sample.seconds));
  const { gateway = 0, engine = 0 } = direct[0] ?? {};
  return {
    tables: [
      {
        title: `start: to ready on warm data, medians of ${SAMPLES}, and memory when idle`,
        head: ["", "", "goal", ""],
        rows: [
          ["npm run dev, s", fixed(seconds(npm)), ...atMost(seconds(npm), START_GOAL)],
          ["  of it without npm, s", fixed(seconds(direct))],
          [
            "gateway and engine, MB",
            fixed(gateway + engine, 0),
            `≤ ${MEMORY_GOAL}`,
            gateway + engine <= MEMORY_GOAL ? "met" : "not met",
          ],
          ["  gateway", fixed(gateway, 0)],
          ["  engine", fixed(engine, 0)],
        ],
      },
    ],
    raw: { npm, direct },
  };
}

async function runOnce(
  through: "npm" | "node",
  dataDir: string,
  weighed: boolean,
): Promise<Sample> {
  const options = ["--port", "0", "--data", dataDir];
  const [command, args] =
    through === "npm"
      ? ["npm", ["run", "-s", "dev", "--", ...options]]
      : [process.execPath, [join(ROOT, "packages/local/main.ts"), ...options]];
  const { DYNAMODB_ENDPOINT: _, ...env } = process.env;
  const started = performance.now();
  // A group of its own, so that a signal reaches what npm has started.
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
  endsWithRun(child, end);
  try {
    let ready = false;
    for await (const line of createInterface({ input: child.stdout })) {
      ready = line.startsWith("Stockwire is ready");
      if (ready) break;
    }
    if (!ready) throw new Error("npm run dev ended before it was ready");
    const seconds = (performance.now() - started) / 1000;
    if (!weighed) return { seconds, gateway: 0, engine: 0 };
    await new Promise((resolve) => setTimeout(resolve, IDLE));
    const enginePid = await readFile(join(dataDir, "engine.pid"), "utf8");
    return {
      seconds,
      gateway: await memoryOf(String(child.pid)),
      engine: await memoryOf(/\d+/.exec(enginePid)?.[0] ?? ""),
    };
  } finally {
    end();
    await ended;
  }
}

/** Resident, in MB. */
async function memoryOf(pid: string): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", pid]);
  return Number(stdout.trim()) / 1024;
}
