/** The writers of one process. Each writes the same record in a loop. */

import { createClient } from "@stockwire/core/store/client";
import { AppError } from "@stockwire/core/error";
import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Item from "@stockwire/core/catalog/item";
import * as Product from "@stockwire/core/catalog/product";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { serve } from "../child.ts";
import { SHARDS } from "../context.ts";
import { by } from "../seed.ts";
import { tally } from "../tally.ts";

const WRITES = {
  "PATCH product": (id: string, n: number) => Product.update(id, { name: `Lamp ${n}` }, by()),
  "PUT item": (id: string, n: number) => Item.replace(id, { n }, by()),
  "PATCH item": (id: string, n: number) => Item.patch(id, { n }, by()),
  "PUT inventory": (id: string, n: number) => Inventory.set(id, { quantity: n }, by()),
} as const;

export interface ContentionTask {
  endpoint: string;
  tableName: string;
  write: keyof typeof WRITES;
  id: string;
  writers: number;
  time: number; // ms
}

export interface Contended {
  times: number[]; // ms of each successful write
  failures: number;
  calls: number;
}

async function run({ endpoint, tableName, write, id, writers, time }: ContentionTask) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({ region: "us-east-1", endpoint, credentials });
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  await DynamoDB.verifyShards();
  const counts = tally(client);
  const result: Contended = { times: [], failures: 0, calls: 0 };
  const started = performance.now();
  const writer = async () => {
    while (performance.now() - started < time) {
      const begun = performance.now();
      try {
        await WRITES[write](id, Math.floor(Math.random() * 1_000_000));
        result.times.push(performance.now() - begun);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "unavailable") throw error;
        result.failures++;
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  client.destroy();
  return { ...result, calls: counts.calls };
}

serve({ run });
