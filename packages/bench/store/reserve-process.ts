/** The buyers of one process. Each reserves single units, one after another. */

import { createClient } from "@stockwire/core/store/client";
import { AppError } from "@stockwire/core/error";
import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Reservation from "@stockwire/core/catalog/reservation";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { serve } from "../child.ts";
import { SHARDS } from "../context.ts";
import { naiveInventory } from "./naive-inventory.ts";
import { by } from "../seed.ts";
import { type Tally, tally } from "../tally.ts";

export interface ReserveTask {
  endpoint: string;
  tableName: string;
  variant: "stockwire" | "naive";
  products: string[];
  buyers: number; // in parallel
  /** Total number of attempts. Without it the buyers continue for `time`. */
  wanted?: number;
  time?: number; // ms
}

export interface Reserved extends Tally {
  sold: number;
  refused: number;
  elapsed: number; // ms
}

async function run(task: ReserveTask): Promise<Reserved> {
  const { endpoint, tableName, variant, products, buyers } = task;
  const { wanted = Number.POSITIVE_INFINITY, time = Number.POSITIVE_INFINITY } = task;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({ region: "us-east-1", endpoint, credentials });
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  const naive = naiveInventory(client, tableName);
  const reserve = variant === "naive" ? naive.reserve : reserveOne;
  await Inventory.get(products[0] ?? ""); // opens connections and checks the number of shards
  const calls = tally(client);

  const counts = { sold: 0, refused: 0 };
  const started = performance.now();
  let next = 0;
  const buyer = async () => {
    while (next < wanted && performance.now() - started < time) {
      const productId = products[next++ % products.length] ?? "";
      counts[(await reserve(productId)) ? "sold" : "refused"]++;
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyer));
  const elapsed = performance.now() - started;
  client.close();
  return { ...calls, ...counts, elapsed };
}

async function reserveOne(productId: string): Promise<boolean> {
  const lines = [{ productId, quantity: 1 }];
  try {
    await Reservation.create({ lines, ttlSeconds: 900 }, by());
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === "insufficient_stock") return false;
    throw error;
  }
}

serve({ run });
