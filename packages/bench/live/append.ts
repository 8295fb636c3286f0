/** The change log and the Live API: changes a second, and the capacity units of each event. */

import { type Appended, type AppendTask } from "./append-process.ts";
import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import type { Cost } from "../meter.ts";
import { fixed, median, type Report, type Table, verdict } from "../report.ts";

const BATCHES = [1, 10, 100] as const;
const FULL = { time: 1_000, rounds: 3, processes: 4, subscribers: [0, 1, 100] }; // time: ms
const SMOKE: typeof FULL = { time: 20, rounds: 1, processes: 2, subscribers: [0, 1] };
const GOAL = 4; // writes of one change: 3, and 1 of the index

export async function append(context: Context): Promise<Report> {
  const { time, rounds, processes, subscribers } = context.smoke ? SMOKE : FULL;
  const tables = await context.newTables("append");
  tables.client.close();
  const stub = startChild("live/post-stub-process.ts", context.env);
  const env = {
    ...context.env,
    ...tables.env,
    LIVE_ENDPOINT: await stub.call<string>("start"),
    LOG_LEVEL: "warn",
  };
  const first = startChild("live/append-process.ts", env);
  const others = Array.from({ length: processes - 1 }, () =>
    startChild("live/append-process.ts", env),
  );
  const functions = [first, ...others];
  try {
    for (const each of functions) await each.call("start");
    const rates: Record<string, Appended[]> = {};
    for (let n = -1; n < rounds; n++) {
      for (const batch of BATCHES) {
        const appended = await inAll([first], { batch, ms: time });
        if (n >= 0) (rates[`batches of ${batch}`] ??= []).push(appended); // the first is a warm-up
      }
      const parallel = await inAll(functions, { batch: 100, ms: time });
      if (n >= 0) (rates[`batches of 100, ${processes} processes`] ??= []).push(parallel);
    }
    await first.call("costOfBatch", 1); // so that its cached head of the feed is the current one
    const costs: Record<string, Cost> = {};
    for (const batch of BATCHES) costs[batch] = await first.call<Cost>("costOfBatch", batch);
    const deliveries: Record<string, Cost> = {};
    let opened = 0;
    for (const count of subscribers) {
      await first.call("openSubscribers", count - opened);
      opened = count;
      deliveries[count] = await first.call<Cost>("costOfBatch", 1);
    }
    const events = await first.call<Record<string, Cost>>("costsOfConnection");
    return {
      tables: [rateTable(rates, rounds), changeTable(costs), liveTable(deliveries, events)],
      raw: { rates, costs, deliveries, events },
    };
  } finally {
    await Promise.all([stub, ...functions].map((child) => child.stop()));
  }
}

/** Runs a task in all processes in parallel. */
async function inAll(functions: readonly Child[], task: AppendTask): Promise<Appended> {
  const all = await Promise.all(functions.map((each) => each.call<Appended>("append", task)));
  const sum = (of: keyof Appended) => all.reduce((total, each) => total + each[of], 0);
  return {
    changes: sum("changes"),
    ms: Math.max(...all.map(({ ms }) => ms)),
    cpu: sum("cpu"),
    cancelled: sum("cancelled"),
  };
}

const rateTable = (rates: Record<string, Appended[]>, count: number): Table => ({
  title: `append: the function changes, one feed, no subscribers, medians of ${count} interleaved rounds`,
  head: ["", "changes a second", "µs of CPU each", "cancelled each"],
  rows: Object.entries(rates).map(([name, rounds]) => [
    name,
    fixed(median(rounds.map(({ changes, ms }) => (changes / ms) * 1000)), 0),
    fixed(median(rounds.map(({ changes, cpu }) => (cpu / changes) * 1000)), 0),
    fixed(median(rounds.map(({ changes, cancelled }) => cancelled / changes)), 3),
  ]),
  notes: ["Cancelled: transactions that lost against another one on the head of the feed."],
});

const changeTable = (costs: Record<string, Cost>): Table => ({
  title: "append: units of one change, item of 0.5 KB, no subscribers",
  head: ["", "reads", "writes", "calls", "goal", ""],
  rows: Object.entries(costs).map(([batch, { reads, writes, calls }]) => {
    const each = (units: number) => fixed(units / Number(batch));
    const judged = Number(batch) > 1;
    return [
      `in a batch of ${batch}`,
      each(reads),
      each(writes),
      each(calls),
      judged ? `≤ ${GOAL} w` : "",
      judged ? verdict(writes / Number(batch) <= GOAL) : "",
    ];
  }),
});

function liveTable(deliveries: Record<string, Cost>, events: Record<string, Cost>): Table {
  const row = (name: string, { reads, writes, calls, trips }: Cost) => [
    name,
    ...[reads, writes, calls, trips].map(String),
  ];
  return {
    title: "append: units of deliveries and of the Live API's events",
    head: ["", "reads", "writes", "calls", "trips"],
    rows: [
      ...Object.entries(deliveries).map(([count, cost]) =>
        row(`append and deliver a change to ${count}`, cost),
      ),
      ...Object.entries(events).map(([name, cost]) => row(name, cost)),
    ],
    notes: [
      `${deliveries[0]?.writes} writes of each change are the append; all its reads look for subscribers.`,
    ],
  };
}
