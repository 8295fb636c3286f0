/** Reservations: rate, cost, and proof that concurrent buyers never oversell. */

import * as SignedToken from "@stockwire/core/store/signed-token";
import * as Product from "@stockwire/core/catalog/product";
import * as Reservation from "@stockwire/core/catalog/reservation";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type { Client } from "@stockwire/core/store/client";
import { type Child, startChild } from "../child.ts";
import { type Context, CURSOR_SECRET, SHARDS } from "../context.ts";
import { type Cost, meter } from "../meter.ts";
import { naiveInventory } from "./naive-inventory.ts";
import { fixed, type Report, type Table, verdict } from "../report.ts";
import type { Reserved, ReserveTask } from "./reserve-process.ts";
import { by } from "../seed.ts";

interface Size {
  buyers: number; // in parallel; a multiple of PROCESSES
  time: number; // ms for each rate
  products: number; // for the rate over many products
  stock: number;
  wanted: number; // attempts to buy from the stock
}
const FULL: Size = { buyers: 64, time: 5_000, products: 1_000, stock: 100, wanted: 500 };
const SMOKE: Size = { buyers: 4, time: 100, products: 8, stock: 2, wanted: 6 };
const PROCESSES = 4;

export async function reserve(context: Context): Promise<Report> {
  const size = context.smoke ? SMOKE : FULL;
  const { client, tableName } = await context.newTables("reserve");
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  SignedToken.configure(CURSOR_SECRET);
  const place = { endpoint: context.endpoint, tableName };
  const rates = await measureRates(context, place, size);
  const rush = await measureRush(context, place, size, naiveInventory(client, tableName));
  const costs = await measureCosts(client);
  client.close();
  return {
    tables: [rateTable(rates, size), rushTable(rush, size), costTable(costs)],
    raw: { rates, rush, costs },
  };
}

type Place = Pick<ReserveTask, "endpoint" | "tableName">;

/** Creates products and returns their ids. */
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

/** Runs a task in several processes, with its buyers divided among them. */
async function inProcesses(context: Context, count: number, task: ReserveTask): Promise<Reserved> {
  const children: Child[] = [];
  try {
    for (let n = 0; n < count; n++) {
      children.push(startChild("store/reserve-process.ts", context.env));
    }
    const part = { ...task, buyers: task.buyers / count };
    const all = await Promise.all(children.map((child) => child.call<Reserved>("run", part)));
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

async function measureRates(
  context: Context,
  place: Place,
  { buyers, time, products }: Size,
): Promise<Record<string, Reserved>> {
  const one = await stocked(1, 1_000_000);
  const many = await stocked(products, 1_000_000);
  const task = { ...place, variant: "stockwire", buyers, time } as const;
  const over = `${products} products`;
  return {
    "1 product": await inProcesses(context, 1, { ...task, products: one }),
    [`1 product, ${PROCESSES} processes`]: await inProcesses(context, PROCESSES, {
      ...task,
      products: one,
    }),
    [over]: await inProcesses(context, 1, { ...task, products: many }),
    [`${over}, ${PROCESSES} processes`]: await inProcesses(context, PROCESSES, {
      ...task,
      products: many,
    }),
  };
}

function rateTable(rates: Record<string, Reserved>, { buyers }: Size): Table {
  const rows = Object.entries(rates).map(
    ([name, { sold, calls, conflicts, conditions, elapsed }]) => [
      name,
      fixed((sold / elapsed) * 1000, 0),
      ...[conflicts, conditions, calls - sold].map((count) => fixed(count / sold, 3)),
    ],
  );
  return {
    title: `reserve: one line, ${buyers} buyers in parallel, directly on core`,
    head: ["", "a second", "conflicts", "conditions", "retries"],
    rows,
    notes: [
      "For each success: transactions that met another one, failed conditions, and extra calls.",
      "Within a process a lock serialises the buyers of a product; processes meet in the table.",
    ],
  };
}

async function measureRush(
  context: Context,
  place: Place,
  { buyers, stock, wanted }: Size,
  naive: ReturnType<typeof naiveInventory>,
): Promise<Record<"stockwire" | "naive", Reserved>> {
  const products = await stocked(1, stock);
  await naive.stock(products[0] ?? "", stock);
  const task = { ...place, products, buyers, wanted };
  return {
    stockwire: await inProcesses(context, 1, { ...task, variant: "stockwire" }),
    naive: await inProcesses(context, 1, { ...task, variant: "naive" }),
  };
}

function rushTable(
  rush: Record<"stockwire" | "naive", Reserved>,
  { buyers, stock, wanted }: Size,
): Table {
  const row = (name: string, { sold, calls, elapsed }: Reserved, goal: string[] = ["", ""]) => [
    name,
    `${sold} of ${stock}`,
    ...goal,
    fixed(calls / wanted),
    fixed(elapsed, 0),
  ];
  return {
    title: `reserve: ${wanted} buyers, ${buyers} in parallel, ${stock} units`,
    head: ["", "sold", "goal", "", "calls each", "ms"],
    rows: [
      row("stockwire", rush.stockwire, [`${stock}`, verdict(rush.stockwire.sold === stock)]),
      row("naive: read, check, write", rush.naive),
    ],
  };
}

async function measureCosts(client: Client): Promise<Record<string, Cost>> {
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
    await measure(create); // a second reservation: one is confirmed, one is cancelled
    const name = count === 1 ? "1 line" : `${count} lines`;
    costs[`create, ${name}`] = await measure(create);
    costs[`confirm, ${name}`] = await measure(() => Reservation.confirm(held[0] ?? "", by()));
    costs[`cancel, ${name}`] = await measure(() => Reservation.cancel(held[1] ?? "", by()));
  }
  return costs;
}

/** Creating a reservation must not read before it writes. */
const costTable = (costs: Record<string, Cost>): Table => ({
  title: "reserve: DynamoDB's units and round trips",
  head: ["", "reads", "writes", "calls", "trips", "goal", ""],
  rows: Object.entries(costs).map(([name, { reads, writes, calls, trips }]) => {
    const judged = name.startsWith("create");
    return [
      name,
      ...[reads, writes, calls, trips].map(String),
      judged ? "0 r, 1 t" : "",
      judged ? verdict(reads === 0 && trips === 1) : "",
    ];
  }),
});
