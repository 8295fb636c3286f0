/** Frames sent to many connections through the connections API, for each second of CPU. */

import { startChild } from "../child.ts";
import type { Context } from "../context.ts";
import type { Rate, Way } from "./post-process.ts";
import { atLeast, fixed, median, pairedRatio, type Report, type Table } from "../report.ts";

const FULL = { connections: 2_000, rounds: 9, warmUp: 3 };
const SMOKE: typeof FULL = { connections: 4, rounds: 1, warmUp: 0 };
const FRAME = 600; // bytes: one change of an item
const GOAL = 3_000; // frames a second of CPU

const WAYS: readonly Way[] = ["stockwire", "sdk"];

export async function post({ env, smoke }: Context): Promise<Report> {
  const { connections, rounds, warmUp } = smoke ? SMOKE : FULL;
  const stub = startChild("live/post-stub-process.ts", env);
  const senders = {
    stockwire: startChild("live/post-process.ts", env),
    sdk: startChild("live/post-process.ts", env),
  };
  const rates: Record<Way, Rate[]> = { stockwire: [], sdk: [] };
  try {
    const endpoint = await stub.call<string>("start");
    const task = { endpoint, connections, bytes: FRAME };
    for (let n = -warmUp; n < rounds; n++) {
      for (const way of WAYS) {
        const rate = await senders[way].call<Rate>("run", { ...task, way });
        if (n >= 0) rates[way].push(rate);
      }
    }
  } finally {
    await Promise.all([stub, ...Object.values(senders)].map((each) => each.stop()));
  }
  const title = `post: ${FRAME} bytes to ${connections} connections, 64 in parallel, medians of ${rounds} interleaved rounds`;
  return { tables: [table(title, rates)], raw: rates };
}

function table(title: string, rates: Record<Way, Rate[]>): Table {
  const of = (way: Way, part: keyof Rate) => rates[way].map((rate) => rate[part]);
  const row = (name: string, part: keyof Rate, judged: boolean) => [
    name,
    fixed(median(of("stockwire", part)), 0),
    fixed(median(of("sdk", part)), 0),
    fixed(pairedRatio(of("stockwire", part), of("sdk", part))),
    ...(judged ? atLeast(median(of("stockwire", part)), GOAL, 0) : []),
  ];
  const lowest = fixed(Math.min(...of("stockwire", "cpu")), 0);
  const highest = fixed(Math.max(...of("stockwire", "cpu")), 0);
  return {
    title,
    head: ["", "stockwire", "SDK's defaults", "ratio", "goal", ""],
    rows: [
      row("frames a second of CPU", "cpu", true),
      row("frames a second of time", "wall", false),
    ],
    notes: [
      `Rounds of stockwire: ${lowest}–${highest}. A stub on this machine accepts the frames, without TLS.`,
    ],
  };
}
