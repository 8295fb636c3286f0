/** The same operations on a small and on a large table: latency must not grow with the table. */

import * as SignedToken from "@stockwire/core/store/signed-token";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type { Client } from "@stockwire/core/store/client";
import { type Context, CURSOR_SECRET, SHARDS } from "../context.ts";
import { fixed, median, type Report, verdict } from "../report.ts";
import { by } from "../seed.ts";

const FULL = { small: 1_000, large: 100_000, samples: 200 };
const SMOKE: typeof FULL = { small: 100, large: 200, samples: 1 };
const BATCH = 100;
const PARALLEL = 4;
const NOISE = 1.3;

interface Table {
  client: Client;
  tableName: string;
  ids: string[];
  times: Record<string, number[]>; // ms
}

export async function scale(context: Context): Promise<Report> {
  const sizes = context.smoke ? SMOKE : FULL;
  SignedToken.configure(CURSOR_SECRET);
  const small = await filled(context, sizes.small);
  const large = await filled(context, sizes.large);
  for (let n = 0; n < sizes.samples; n++) {
    for (const table of [small, large]) await sample(table, n);
  }
  const rows = Object.keys(small.times).map((name) => {
    const [few, many] = [median(small.times[name] ?? []), median(large.times[name] ?? [])];
    const ratio = many / few;
    return [name, fixed(few), fixed(many), fixed(ratio), `≤ ${NOISE}`, verdict(ratio <= NOISE)];
  });
  for (const { client } of [small, large]) client.close();
  return {
    tables: [
      {
        title: `scale: one at a time, ms, medians of ${sizes.samples} interleaved`,
        head: [
          "",
          ...[sizes.small, sizes.large].map((size) => `${size / 1000} k records`),
          "ratio",
          "goal",
          "",
        ],
        rows,
      },
    ],
    charts: [
      {
        name: "scale",
        title: "Latency by the number of records",
        unit: "ms, median",
        parts: [""],
        bars: Object.keys(small.times).flatMap((name) =>
          (
            [
              [sizes.small, small],
              [sizes.large, large],
            ] as const
          ).map(([size, { times }]) => ({
            label: `${name}, ${size / 1000} k`,
            values: [median(times[name] ?? [])],
            own: size === sizes.large,
          })),
        ),
      },
    ],
    raw: Object.fromEntries([small, large].map(({ tableName, times }) => [tableName, times])),
  };
}

const use = ({ client, tableName }: Table) =>
  DynamoDB.configure({ client, tableName, shards: SHARDS });

async function filled(context: Context, size: number): Promise<Table> {
  const { client, tableName } = await context.newTables(`scale${size}`);
  const table: Table = { client, tableName, ids: [], times: {} };
  use(table);
  let left = size;
  const worker = async () => {
    while (left > 0) {
      left -= BATCH;
      const all = Array.from({ length: BATCH }, (_, n) => ({ name: `lamp ${n}` }));
      const outcomes = await Item.createAll(all, by());
      table.ids.push(outcomes[0]?.value.id ?? "");
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return table;
}

async function sample(table: Table, n: number): Promise<void> {
  use(table);
  await DynamoDB.verifyShards();
  const id = table.ids[(n * 7) % table.ids.length] ?? "";
  const timed = async (name: string, run: () => Promise<unknown>) => {
    const started = performance.now();
    await run();
    (table.times[name] ??= []).push(performance.now() - started);
  };
  await timed("get", () => Item.get(id));
  await timed("list of 25", () => Item.list({ limit: 25, order: "desc" }));
  await timed("create", () => Item.create({ name: "lamp" }, by()));
}
