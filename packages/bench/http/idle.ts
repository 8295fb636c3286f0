import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { startLaptop } from "../laptop.ts";
import { connect } from "../live/live.ts";
import { atMost, fixed, median, type Report } from "../report.ts";
import { cpuOf, memoryOf } from "../usage.ts";

const SETTLE = 6_000; // ms; the stream is polled more often for a while after a write
const WATCH = 20_000; // ms
const CONNECTIONS = 100;
const MEMORY_GOAL = 150; // MB, of both when nobody is connected

interface Usage {
  cpu: number; // share of a core
  memory: number; // MB
}

/** What the laptop costs while nobody does anything. */
export async function idle({ env, dir }: Context): Promise<Report> {
  const laptop = await startLaptop(join(dir, "idle"));
  const clients = startChild("live/live-process.ts", env);
  const parts = Object.entries(laptop.pids);
  const watch = async () => {
    await pause(SETTLE);
    const cpus = () => Promise.all(parts.map(([, pid]) => cpuOf(pid)));
    const before = await cpus();
    await pause(WATCH);
    const after = await cpus();
    const memory = await Promise.all(parts.map(([, pid]) => memoryOf(pid)));
    return parts.map(([name], at): [string, Usage] => [
      name,
      { cpu: ((after[at] ?? 0) - (before[at] ?? 0)) / WATCH, memory: memory[at] ?? 0 },
    ]);
  };
  try {
    const alone = await watch();
    const opened = await connect({ laptop, clients }, 0, CONNECTIONS);
    const connected = await watch();
    const both = alone.reduce((sum, [, { memory }]) => sum + memory, 0);
    const rows = (label: string, usages: [string, Usage][]) =>
      usages.map(([name, { cpu, memory }]) => [
        `${label}, ${name}`,
        `${fixed(cpu * 100, 1)} %`,
        fixed(memory, 0),
      ]);
    return {
      tables: [
        {
          title: `idle: the laptop over ${WATCH / 1000} s without a request`,
          head: ["", "of a core", "MB", "goal", ""],
          rows: [
            ...rows("nobody connected", alone),
            ["nobody connected, both", "", fixed(both, 0), ...atMost(both, MEMORY_GOAL)],
            ...rows(`${CONNECTIONS} connections`, connected),
          ],
          notes: [
            `Opening one, and its subscription, took ${fixed(median(opened), 0)} ms, 20 at once.`,
          ],
        },
      ],
      raw: { alone, connected, opened },
    };
  } finally {
    await Promise.all([clients.stop(), laptop.stop()]);
  }
}
