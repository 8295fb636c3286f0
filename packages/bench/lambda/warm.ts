/** Warm invocations: CPU time and duration of a handler that has served requests before. */

import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { operations } from "./operation.ts";
import { atMost, fixed, median, pairedRatio, type Report, type Table } from "../report.ts";
import type { WarmTask, WarmTimes } from "./warm-process.ts";

interface Size {
  processes: number;
  rounds: number;
  warmUp: number; // invocations of each operation
}

/** With a stub in place of DynamoDB, and with the engine. */
const FULL: Record<"stub" | "engine", Size> = {
  stub: { processes: 5, rounds: 10, warmUp: 200 },
  engine: { processes: 3, rounds: 4, warmUp: 200 },
};
const ONCE: Size = { processes: 1, rounds: 1, warmUp: 0 };
const SMOKE: typeof FULL = { stub: ONCE, engine: ONCE };
const GOAL = 0.75;
const LATER_GOAL = 0.6;

/** `single` is the plain handler with all items in one partition. */
const VARIANTS = ["stockwire", "plain", "single"] as const;
type Variant = (typeof VARIANTS)[number];
type Rounds = Record<Variant, WarmTimes[]>;

export async function warm(context: Context): Promise<Report> {
  const sizes = context.smoke ? SMOKE : FULL;
  const stub = startChild("lambda/stub-process.ts", context.env);
  try {
    const endpoint = await stub.call<string>("start", context.endpoint);
    const stubbed = await measure(context, endpoint, sizes.stub);
    const engine = await measure(context, context.endpoint, sizes.engine);
    return {
      tables: [
        table("warm: with a stub of DynamoDB, µs of CPU an invocation", stubbed, "cpu", true),
        table("warm: the same, µs of time", stubbed, "wall"),
        table("warm: with the engine, µs of time", engine, "wall"),
      ],
      raw: { stubbed, engine },
    };
  } finally {
    await stub.stop();
  }
}

async function measure(
  context: Context,
  endpoint: string,
  { processes, rounds, warmUp }: Size,
): Promise<Rounds> {
  const bundles = await context.bundles();
  const { stockwire, plain } = context.items;
  const times: Rounds = { stockwire: [], plain: [], single: [] };
  for (let n = 0; n < processes; n++) {
    for (const variant of VARIANTS) {
      const task: WarmTask = {
        bundle: variant === "stockwire" ? bundles.stockwire : bundles.plain,
        operations: operations((variant === "stockwire" ? stockwire : plain)[n] ?? ""),
        warmUp,
        rounds,
      };
      const child: Child = startChild("lambda/warm-process.ts", {
        ...context.env,
        AWS_ENDPOINT_URL_DYNAMODB: endpoint,
        ...(variant === "single" && { PLAIN_SHARDS: "1" }),
      });
      times[variant].push(await child.call<WarmTimes>("run", task));
      await child.stop();
    }
  }
  return times;
}

function table(title: string, times: Rounds, what: "cpu" | "wall", judged = false): Table {
  const names = Object.keys(times.stockwire[0] ?? {});
  const of = (variant: Variant, wanted: readonly string[]) =>
    times[variant].map((each) =>
      wanted.reduce((sum, name) => sum + (each[name]?.[what] ?? 0) / wanted.length, 0),
    );
  const row = (label: string, wanted: readonly string[]) => {
    const own = of("stockwire", wanted);
    const plain = of("plain", wanted);
    const single = of("single", wanted);
    const ratio = pairedRatio(own, plain);
    const goal = judged && wanted.length > 1 ? atMost(ratio, GOAL) : ["", ""];
    const figures = [own, plain, single].map((each) => fixed(median(each), 0));
    return [
      label,
      ...figures.slice(0, 2),
      fixed(ratio),
      ...goal,
      ...figures.slice(2),
      fixed(pairedRatio(own, single)),
    ];
  };
  return {
    title,
    head: ["", "stockwire", "plain", "ratio", "goal", "", "plain, 1 partition", "ratio"],
    rows: [row("mean of the five", names), ...names.map((name) => row(`  ${name}`, [name]))],
    ...(judged && {
      notes: [
        `Medians of ${times.stockwire.length} interleaved processes. Later goal: ≤ ${fixed(LATER_GOAL)}.`,
        "Stockwire and plain read a list from 4 partitions. With 1 partition, which DynamoDB limits to",
        "1 000 writes a second, a list needs a single query.",
      ],
    }),
  };
}
