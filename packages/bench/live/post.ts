import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import type { Rate, Way } from "./post-process.ts";
import { atLeast, fixed, median, pairedRatio, type Report } from "../report.ts";

const CONNECTIONS = 2_000;
const FRAME = 600; // bytes: one change of an item
const ROUNDS = 9;
const WARM_UP = 3;
const GOAL = 3_000; // posts a second of CPU

const WAYS: readonly Way[] = ["ours", "sdk"];

/** One frame to many connections through the management API: what the poster's CPU can do. */
export async function post({ env }: Context): Promise<Report> {
  const stub = startChild("live/post-stub-process.ts", env);
  const posters = {
    ours: startChild("live/post-process.ts", env),
    sdk: startChild("live/post-process.ts", env),
  };
  const rates: Record<Way, Rate[]> = { ours: [], sdk: [] };
  try {
    const endpoint = await stub.ask<string>("start");
    const task = { endpoint, connections: CONNECTIONS, bytes: FRAME };
    for (let n = -WARM_UP; n < ROUNDS; n++) {
      for (const way of WAYS) {
        const rate = await posters[way].ask<Rate>("run", { ...task, way });
        if (n >= 0) rates[way].push(rate);
      }
    }
  } finally {
    await Promise.all([stub, ...Object.values(posters)].map((each) => each.stop()));
  }
  return { tables: [table(rates)], raw: rates };
}

function table(rates: Record<Way, Rate[]>) {
  const of = (way: Way, part: keyof Rate) => rates[way].map((rate) => rate[part]);
  const row = (name: string, part: keyof Rate, judged: boolean) => [
    name,
    fixed(median(of("ours", part)), 0),
    fixed(median(of("sdk", part)), 0),
    fixed(pairedRatio(of("ours", part), of("sdk", part))),
    ...(judged ? atLeast(median(of("ours", part)), GOAL) : []),
  ];
  const lowest = fixed(Math.min(...of("ours", "cpu")), 0);
  const highest = fixed(Math.max(...of("ours", "cpu")), 0);
  return {
    title: `post: ${FRAME} bytes to ${CONNECTIONS} connections, 64 at once, medians of ${ROUNDS} interleaved rounds`,
    head: ["", "ours", "SDK as it comes", "ratio", "goal", ""],
    rows: [row("posts a second of CPU", "cpu", true), row("posts a second of time", "wall", false)],
    notes: [
      `Rounds of ours: ${lowest}–${highest}. A stub on this machine takes the frames, without TLS.`,
    ],
  };
}
