import * as SignedToken from "@stockwire/core/store/signed-token";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Context, SHARDS } from "../context.ts";
import { fixed, median, type Report } from "../report.ts";
import { by } from "../seed.ts";

const SIZES = [1_000, 100_000] as const;
const SAMPLES = 200;
const BATCH = 100;
const PARALLEL = 4;
const NOISE = 1.3;

interface Table {
  client: DynamoDBDocumentClient;
  tableName: string;
  ids: string[];
  times: Record<string, number[]>; // ms
}

/** The same operations on a small and on a large table. */
export async function scale(context: Context): Promise<Report> {
  SignedToken.configure("a secret of the benchmark, long enough for one");
  const tables: Table[] = [];
  for (const size of SIZES) {
    const made = await context.newTable(`scale${size}`);
    const table = { ...made, ids: [], times: {} };
    use(table);
    await fill(table, size);
    tables.push(table);
  }
  for (let n = 0; n < SAMPLES; n++) for (const table of tables) await sample(table, n);
  const [small, large] = tables;
  if (!small || !large) throw new Error("there are two tables");
  const rows = Object.keys(small.times).map((name) => {
    const [few, many] = [median(small.times[name] ?? []), median(large.times[name] ?? [])];
    const met = many / few <= NOISE ? "met" : "not met";
    return [name, fixed(few), fixed(many), fixed(many / few), `≤ ${NOISE}`, met];
  });
  for (const { client } of tables) client.destroy();
  return {
    tables: [
      {
        title: `scale: one at a time, ms, medians of ${SAMPLES} interleaved`,
        head: ["", ...SIZES.map((size) => `${size / 1000} k records`), "ratio", "goal", ""],
        rows,
      },
    ],
    raw: Object.fromEntries(tables.map(({ tableName, times }) => [tableName, times])),
  };
}

const use = ({ client, tableName }: Table) =>
  DynamoDB.configure({ client, tableName, shards: SHARDS });

async function fill(table: Table, size: number): Promise<void> {
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
