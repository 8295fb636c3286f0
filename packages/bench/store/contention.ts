/** Many writers of one record, with AWS's rule for transactions: no writer may starve. */

import * as Item from "@stockwire/core/catalog/item";
import * as Product from "@stockwire/core/catalog/product";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { type Child, startChild } from "../child.ts";
import { type Context, SHARDS } from "../context.ts";
import { atMost, fixed, percentile, type Report } from "../report.ts";
import { by } from "../seed.ts";
import { conflictProxy } from "./conflict-proxy.ts";
import type { Contended, ContentionTask } from "./contention-process.ts";

const FULL = { writers: [16, 50], time: 3_000 };
const SMOKE = { writers: [2], time: 100 };
/** Ms for 99 of 100 writes of 16 writers. */
const GOAL = 300;

/** How the writers are divided; without shared locks they are as instances of a Lambda function. */
const DIVISIONS = [
  { label: "1 process", processes: 1, locks: true },
  { label: "8 processes", processes: 8, locks: true },
  { label: "no shared lock", processes: 2, locks: false },
] as const;

const KINDS = ["PATCH product", "PUT item", "PATCH item", "PUT inventory"] as const;

export async function contention(context: Context): Promise<Report> {
  const { writers, time } = context.smoke ? SMOKE : FULL;
  const { client, tableName } = await context.newTables("contention");
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  const lamp = Product.Create.parse({ name: "Lamp", price: 9.5, category: "lamps" });
  const proxy = await conflictProxy(context.endpoint);
  const rows: string[][] = [];
  const raw: Record<string, object> = {};
  try {
    for (const { label, processes, locks } of DIVISIONS) {
      for (const count of writers) {
        for (const write of KINDS) {
          const created = write.endsWith("item")
            ? Item.create({}, by())
            : Product.create(lamp, by());
          const { id } = (await created).value;
          const task = { endpoint: proxy.endpoint, tableName, write, id, locks, time };
          const all = await inProcesses(context, Math.min(processes, count), count, task);
          const times = all.flatMap((each) => each.times);
          const failures = sum(all.map((each) => each.failures));
          const calls = sum(all.map((each) => each.calls)) / times.length;
          const units = sum(all.map((each) => each.units)) / times.length;
          const [p50, p99, max] = [0.5, 0.99, 1].map((part) => percentile(times, part));
          const name = `${write}, ${count} writers, ${label}`;
          raw[name] = { writes: times.length, p50, p99, max, failures, calls, units };
          const [middle, high, highest] = [p50, p99, max].map((ms) => fixed(ms ?? Number.NaN, 0));
          const goal = count === 16 ? atMost(p99 ?? Number.NaN, GOAL, 0) : ["", ""];
          rows.push([
            name,
            String(times.length),
            middle ?? "",
            high ?? "",
            ...goal,
            highest ?? "",
            String(failures),
            fixed(calls, 1),
            fixed(units, 1),
          ]);
        }
      }
    }
  } finally {
    proxy.close();
    client.close();
  }
  return {
    tables: [
      {
        title: `contention: ms of a write of one record, all writers in a loop for ${time} ms`,
        head: ["", "writes", "p50", "p99", "goal", "", "max", "503", "calls each", "units each"],
        rows,
        notes: [
          "A write that meets a transaction on the same record is refused, as at AWS.",
          "Writers of one process share its locks, so that fewer of them refuse each other.",
          "Calls and units are those of a successful write, with all attempts of the others.",
        ],
      },
    ],
    raw,
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Divides the writers among the processes. */
async function inProcesses(
  context: Context,
  processes: number,
  writers: number,
  task: Omit<ContentionTask, "writers">,
): Promise<Contended[]> {
  const children: Child[] = [];
  try {
    for (let n = 0; n < processes; n++) {
      children.push(startChild("store/contention-process.ts", context.env));
    }
    return await Promise.all(
      children.map((child, n) =>
        child.call<Contended>("run", {
          ...task,
          writers: Math.floor((writers + n) / processes),
        }),
      ),
    );
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
