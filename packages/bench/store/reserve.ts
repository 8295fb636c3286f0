import * as SignedToken from "@stockwire/core/store/signed-token";
import * as Product from "@stockwire/core/catalog/product";
import * as Reservation from "@stockwire/core/catalog/reservation";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Child, startChild } from "../child.ts";
import { type Context, SHARDS } from "../context.ts";
import { type Cost, meter } from "../meter.ts";
import { naiveInventory } from "./naive-inventory.ts";
import { fixed, type Report, type Table } from "../report.ts";
import type { Reserved, ReserveTask } from "./reserve-process.ts";
import { by } from "../seed.ts";

const BUYERS = 64; // at once
const TIME = 5_000; // ms of each rate
const SPREAD = 1_000; // products
const STOCK = 100;
const WANTED = 500;

/** Reservations: how many a second, what they cost, and whether they oversell. */
export async function reserve(context: Context): Promise<Report> {
  const { client, tableName } = await context.newTable("reserve");
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  SignedToken.configure("a secret of the benchmark, long enough for one");
  const place = { endpoint: context.endpoint, tableName };
  const rates = await measureRates(context, place);
  const rush = await measureRush(context, place, naiveInventory(client, tableName));
  const costs = await measureCosts(client);
  client.destroy();
  return {
    tables: [rateTable(rates), rushTable(rush), costTable(costs)],
    raw: { rates, rush, costs },
  };
}

type Place = Pick<ReserveTask, "endpoint" | "tableName">;

async function stocked(count: number, initialQuantity: number): Promise<string[]> {
  const input = { name: "Lamp", price: 9.5, category: "lamps", initialQuantity };
  const ids: string[] = [];
  for (let left = count; left > 0; left -= 50) {
    const all = Array.from({ length: Math.min(50, left) }, () => Product.Create.parse(input));
    const outcomes = await Product.createAll(all, by());
    ids.push(...outcomes.map(({ value }) => value.id));
  }
  return ids;
}

/** The same task, its buyers shared by so many processes. */
async function inProcesses(context: Context, count: number, task: ReserveTask): Promise<Reserved> {
  const children: Child[] = [];
  try {
    for (let n = 0; n < count; n++)
      children.push(startChild("store/reserve-process.ts", context.env));
    const part = { ...task, buyers: task.buyers / count };
    const all = await Promise.all(children.map((child) => child.ask<Reserved>("run", part)));
    const sum = (of: Exclude<keyof Reserved, "elapsed">) =>
      all.reduce((total, each) => total + each[of], 0);
    return {
      sold: sum("sold"),
      refused: sum("refused"),
      calls: sum("calls"),
      conflicts: sum("conflicts"),
      conditions: sum("conditions"),
      elapsed: Math.max(...all.map(({ elapsed }) => elapsed)),
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function measureRates(context: Context, place: Place): Promise<Record<string, Reserved>> {
  const hot = await stocked(1, 1_000_000);
  const many = await stocked(SPREAD, 1_000_000);
  const task = { ...place, variant: "ours", buyers: BUYERS, time: TIME } as const;
  return {
    "one hot product": await inProcesses(context, 1, { ...task, products: hot }),
    "the same, 4 processes": await inProcesses(context, 4, { ...task, products: hot }),
    "over 1 000 products": await inProcesses(context, 1, { ...task, products: many }),
    "the same, 4 processes ": await inProcesses(context, 4, { ...task, products: many }),
  };
}

function rateTable(rates: Record<string, Reserved>): Table {
  const rows = Object.entries(rates).map(
    ([name, { sold, calls, conflicts, conditions, elapsed }]) => [
      name,
      fixed((sold / elapsed) * 1000, 0),
      ...[conflicts, conditions, calls - sold].map((count) => fixed(count / sold, 3)),
    ],
  );
  return {
    title: `reserve: one line, ${BUYERS} buyers at once, directly on core`,
    head: ["", "a second", "conflicts", "conditions", "retries"],
    rows,
    notes: [
      "Per success: transactions that met another, that found a record changed, and calls above one.",
      "Within a process buyers of one product wait in line; 4 processes meet in the table.",
    ],
  };
}

async function measureRush(
  context: Context,
  place: Place,
  naive: ReturnType<typeof naiveInventory>,
): Promise<Record<"ours" | "naive", Reserved>> {
  const products = await stocked(1, STOCK);
  await naive.stock(products[0] ?? "", STOCK);
  const task = { ...place, products, buyers: BUYERS, wanted: WANTED };
  return {
    ours: await inProcesses(context, 1, { ...task, variant: "ours" }),
    naive: await inProcesses(context, 1, { ...task, variant: "naive" }),
  };
}

function rushTable(rush: Record<"ours" | "naive", Reserved>): Table {
  const row = (name: string, { sold, calls, elapsed }: Reserved, goal: string[] = ["", ""]) => [
    name,
    `${sold} of ${STOCK}`,
    ...goal,
    fixed(calls / WANTED),
    fixed(elapsed, 0),
  ];
  const met = rush.ours.sold === STOCK ? "met" : "not met";
  return {
    title: `reserve: ${WANTED} buyers, ${BUYERS} at once, ${STOCK} units`,
    head: ["", "sold", "goal", "", "calls each", "ms"],
    rows: [row("ours", rush.ours, [`${STOCK}`, met]), row("naive: read, check, write", rush.naive)],
  };
}

async function measureCosts(client: DynamoDBDocumentClient): Promise<Record<string, Cost>> {
  const measure = meter(client);
  const products = await stocked(3, 1_000);
  const costs: Record<string, Cost> = {};
  for (const count of [1, 3]) {
    const lines = products.slice(0, count).map((productId) => ({ productId, quantity: 1 }));
    const held: string[] = [];
    const create = async () => {
      const outcome = await Reservation.create({ lines, ttlSeconds: 900 }, by());
      held.push(outcome.value.id);
    };
    await measure(create); // one to confirm, beside the one to cancel
    const name = count === 1 ? "1 line" : `${count} lines`;
    costs[`create, ${name}`] = await measure(create);
    costs[`confirm, ${name}`] = await measure(() => Reservation.confirm(held[0] ?? "", by()));
    costs[`cancel, ${name}`] = await measure(() => Reservation.cancel(held[1] ?? "", by()));
  }
  return costs;
}

/** Nothing is read before units are promised (PERF.md). */
const costTable = (costs: Record<string, Cost>): Table => ({
  title: "reserve: DynamoDB's units and round trips",
  head: ["", "reads", "writes", "calls", "trips", "goal", ""],
  rows: Object.entries(costs).map(([name, { reads, writes, calls, trips }]) => {
    const judged = name.startsWith("create");
    return [
      name,
      ...[reads, writes, calls, trips].map(String),
      judged ? "0 r, 1 t" : "",
      judged ? (reads === 0 && trips === 1 ? "met" : "not met") : "",
    ];
  }),
});
