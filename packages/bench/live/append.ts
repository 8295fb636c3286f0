import { type Appended, type AppendTask } from "./append-process.ts";
import { type Child, startChild } from "../child.ts";
import type { Context } from "../context.ts";
import type { Cost } from "../meter.ts";
import { fixed, median, type Report, type Table } from "../report.ts";

const BATCHES = [1, 10, 100] as const;
const TIME = 1_000; // ms of a round
const ROUNDS = 3;
const PROCESSES = 4;
const LISTENERS = [0, 1, 100] as const;
const GOAL = 4; // writes of one change: 3, and 1 of the index

/** Changes into the log, a second and in units; and the units of what the Live API does. */
export async function append(context: Context): Promise<Report> {
  const { client, tableName } = await context.newTable("append");
  client.destroy();
  const stub = startChild("live/post-stub-process.ts", context.env);
  const env = {
    ...context.env,
    DATA_TABLE: tableName,
    CHANGES_TABLE: tableName.replace(/Data$/, "Changes"),
    CONNECTIONS_TABLE: tableName.replace(/Data$/, "Connections"),
    JWT_ISSUER: "https://issuer.example.com",
    LIVE_ENDPOINT: await stub.ask<string>("start"),
    LOG_LEVEL: "warn",
  };
  const functions = Array.from({ length: PROCESSES }, () =>
    startChild("live/append-process.ts", env),
  );
  const [first] = functions;
  if (first === undefined) throw new Error("there is a function");
  try {
    for (const each of functions) await each.ask("start");
    const rates: Record<string, Appended[]> = {};
    for (let n = -1; n < ROUNDS; n++) {
      for (const batch of BATCHES) {
        const appended = await inAll([first], { batch, ms: TIME });
        if (n >= 0) (rates[`batches of ${batch}`] ??= []).push(appended); // the first warms up
      }
      const together = await inAll(functions, { batch: 100, ms: TIME });
      if (n >= 0) (rates[`batches of 100, ${PROCESSES} processes`] ??= []).push(together);
    }
    await first.ask("costOfBatch", 1); // finds the head where the others left it
    const costs: Record<string, Cost> = {};
    for (const batch of BATCHES) costs[batch] = await first.ask<Cost>("costOfBatch", batch);
    const deliveries: Record<string, Cost> = {};
    let listeners = 0;
    for (const count of LISTENERS) {
      await first.ask("listen", count - listeners);
      listeners = count;
      deliveries[count] = await first.ask<Cost>("costOfBatch", 1);
    }
    const life = await first.ask<Record<string, Cost>>("costsOfConnection");
    return {
      tables: [rateTable(rates), changeTable(costs), liveTable(deliveries, life)],
      raw: { rates, costs, deliveries, life },
    };
  } finally {
    await Promise.all([stub, ...functions].map((child) => child.stop()));
  }
}

/** The same in each at once. */
async function inAll(functions: readonly Child[], task: AppendTask): Promise<Appended> {
  const all = await Promise.all(functions.map((each) => each.ask<Appended>("append", task)));
  const sum = (of: keyof Appended) => all.reduce((total, each) => total + each[of], 0);
  return {
    changes: sum("changes"),
    ms: Math.max(...all.map(({ ms }) => ms)),
    cpu: sum("cpu"),
    lost: sum("lost"),
  };
}

const rateTable = (rates: Record<string, Appended[]>): Table => ({
  title: `append: changes.handler alone, one feed, nobody listens, medians of ${ROUNDS} interleaved rounds`,
  head: ["", "changes a second", "µs of CPU each", "lost tries each"],
  rows: Object.entries(rates).map(([name, rounds]) => [
    name,
    fixed(median(rounds.map(({ changes, ms }) => (changes / ms) * 1000)), 0),
    fixed(median(rounds.map(({ changes, cpu }) => (cpu / changes) * 1000)), 0),
    fixed(median(rounds.map(({ changes, lost }) => lost / changes)), 3),
  ]),
});

const changeTable = (costs: Record<string, Cost>): Table => ({
  title: "append: units of one change, item of 0.5 KB, nobody listens",
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
      judged ? (writes / Number(batch) <= GOAL ? "met" : "not met") : "",
    ];
  }),
});

function liveTable(deliveries: Record<string, Cost>, life: Record<string, Cost>): Table {
  const alone = deliveries[0];
  const row = (name: string, { reads, writes, calls, trips }: Cost) => [
    name,
    ...[reads, writes, calls, trips].map(String),
  ];
  return {
    title: "append: units of what the Live API does",
    head: ["", "reads", "writes", "calls", "trips"],
    rows: [
      ...Object.entries(deliveries).map(([count, cost]) =>
        row(`a change, append and delivery, to ${count}`, cost),
      ),
      ...Object.entries(life).map(([name, cost]) => row(name, cost)),
    ],
    notes: [
      `Of each change ${alone?.writes} writes are the append; all its reads look for those who listen.`,
    ],
  };
}
