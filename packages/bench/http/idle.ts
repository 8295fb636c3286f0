/** CPU and memory of the laptop without requests: alone, and with open connections. */

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { startLaptop } from "../laptop.ts";
import { connect } from "../live/live.ts";
import { atMost, fixed, median, type Report } from "../report.ts";
import { cpuOf, memoryOf } from "../usage.ts";

// settle, watch: ms. After a write the stream is polled more often for a while.
const FULL = { settle: 6_000, watch: 20_000, connections: 100 };
const SMOKE: typeof FULL = { settle: 0, watch: 200, connections: 2 };
const MEMORY_GOAL = 150; // MB, gateway and engine without connections

interface Usage {
  cpu: number; // share of a core
  memory: number; // MB
}

export async function idle({ env, dir, smoke }: Context): Promise<Report> {
  const { settle, watch, connections } = smoke ? SMOKE : FULL;
  const laptop = await startLaptop(join(dir, "idle"));
  const clients = startChild("live/live-process.ts", env);
  const parts = Object.entries(laptop.pids);
  const measure = async () => {
    await pause(settle);
    const cpus = () => Promise.all(parts.map(([, pid]) => cpuOf(pid)));
    const before = await cpus();
    await pause(watch);
    const after = await cpus();
    const memory = await Promise.all(parts.map(([, pid]) => memoryOf(pid)));
    return parts.map(([name], at): [string, Usage] => [
      name,
      { cpu: ((after[at] ?? 0) - (before[at] ?? 0)) / watch, memory: memory[at] ?? 0 },
    ]);
  };
  try {
    const alone = await measure();
    const opened = await connect({ laptop, clients }, 0, connections);
    const connected = await measure();
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
          title: `idle: the laptop over ${watch / 1000} s without a request`,
          head: ["", "of a core", "MB", "goal", ""],
          rows: [
            ...rows("no connections", alone),
            ["no connections, both", "", fixed(both, 0), ...atMost(both, MEMORY_GOAL, 0)],
            ...rows(`${connections} connections`, connected),
          ],
          notes: [
            `A connection and its subscription took ${fixed(median(opened), 0)} ms, 20 in parallel.`,
          ],
        },
      ],
      raw: { alone, connected, opened },
    };
  } finally {
    await Promise.all([clients.stop(), laptop.stop()]);
  }
}
