import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import { operations } from "./operation.ts";
import { atMost, fixed, median, pairedRatio, type Report, type Table } from "../report.ts";
import type { WarmTask, WarmTimes } from "./warm-process.ts";

const WARM_UP = 200; // invocations of each operation
const GOAL = 0.75;
const LATER = 0.6;

const VARIANTS = ["ours", "plain", "single"] as const;
type Variant = (typeof VARIANTS)[number];
type Rounds = Record<Variant, WarmTimes[]>;

/** Mixed invocations of a handler that has been at work for a while. */
export async function warm(context: Context): Promise<Report> {
  const stub = startChild("lambda/stub-process.ts", context.env);
  try {
    const endpoint = await stub.ask<string>("start", context.endpoint);
    const stubbed = await measure(context, endpoint, { processes: 5, rounds: 10 });
    const real = await measure(context, context.endpoint, { processes: 3, rounds: 4 });
    return {
      tables: [
        table("warm: DynamoDB answers canned bytes, µs of CPU an invocation", stubbed, "cpu", true),
        table("warm: the same, µs of time", stubbed, "wall"),
        table("warm: the engine answers, µs of time", real, "wall"),
      ],
      raw: { stubbed, real },
    };
  } finally {
    await stub.stop();
  }
}

async function measure(
  context: Context,
  endpoint: string,
  { processes, rounds }: { processes: number; rounds: number },
): Promise<Rounds> {
  const bundles = await context.bundles();
  const { ours, plain } = context.items;
  const times: Rounds = { ours: [], plain: [], single: [] };
  for (let n = 0; n < processes; n++) {
    for (const variant of VARIANTS) {
      const task: WarmTask = {
        bundle: variant === "ours" ? bundles.ours : bundles.plain,
        operations: operations((variant === "ours" ? ours : plain)[n] ?? ""),
        warmUp: WARM_UP,
        rounds,
      };
      const child: Child = startChild("lambda/warm-process.ts", {
        ...context.env,
        AWS_ENDPOINT_URL_DYNAMODB: endpoint,
        ...(variant === "single" && { PLAIN_SHARDS: "1" }),
      });
      times[variant].push(await child.ask<WarmTimes>("run", task));
      await child.stop();
    }
  }
  return times;
}

function table(title: string, times: Rounds, what: "cpu" | "wall", judged = false): Table {
  const names = Object.keys(times.ours[0] ?? {});
  const of = (variant: Variant, wanted: readonly string[]) =>
    times[variant].map((each) =>
      wanted.reduce((sum, name) => sum + (each[name]?.[what] ?? 0) / wanted.length, 0),
    );
  const row = (label: string, wanted: readonly string[]) => {
    const [ours, plain, single] = [of("ours", wanted), of("plain", wanted), of("single", wanted)];
    const ratio = pairedRatio(ours, plain);
    const goal = judged && wanted.length > 1 ? atMost(ratio, GOAL) : ["", ""];
    const figures = [ours, plain, single].map((each) => fixed(median(each), 0));
    return [
      label,
      ...figures.slice(0, 2),
      fixed(ratio),
      ...goal,
      ...figures.slice(2),
      fixed(pairedRatio(ours, single)),
    ];
  };
  return {
    title,
    head: ["", "ours", "plain", "ratio", "goal", "", "plain, 1 partition", "ratio"],
    rows: [row("mean of the five", names), ...names.map((name) => row(`  ${name}`, [name]))],
    ...(judged && {
      notes: [
        `Medians of ${times.ours.length} interleaved processes. Goal later: ≤ ${fixed(LATER)}.`,
        "Ours lists from 4 partitions. Plain does so too, or keeps all in one, which DynamoDB limits",
        "to 1 000 writes a second.",
      ],
    }),
  };
}
