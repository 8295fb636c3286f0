/** Test data: the same items for Stockwire and for the handlers that it is compared with. */

import { newId } from "@stockwire/core/id";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import type { Client } from "@stockwire/core/store/client";

/** Ids of the stored items. */
export interface Items {
  stockwire: string[];
  /** Items of the plain handlers, stored twice: in one partition and in as many as SHARDS. */
  plain: string[];
}

const COUNT = 200;
const BATCH = 25;

/** The attributes of an item, about 300 bytes of JSON. */
export const attributes = (n: number) => ({
  name: `Desk lamp ${n}`,
  type: "lamp",
  price: 19.99,
  currency: "USD",
  tags: ["office", "light", "sale"],
  dimensions: { width: 12.5, height: 40, depth: 12.5, unit: "cm" },
  description: "A lamp for the desk, with an arm that stays where it is put and a warm light.",
  inStock: true,
});

export async function seedItems(client: Client, tableName: string, shards: number): Promise<Items> {
  DynamoDB.configure({ client, tableName, shards });
  const items: Items = { stockwire: [], plain: [] };
  for (let from = 0; from < COUNT; from += BATCH) {
    const all = Array.from({ length: BATCH }, (_, index) => attributes(from + index));
    const outcomes = await Item.createAll(all, by());
    items.stockwire.push(...outcomes.map(({ value }) => value.id));
    const ids = all.map(() => newId());
    for (const partitions of [1, shards]) {
      const records = all.map((each, index) => plainRecord(ids[index] ?? "", each, partitions));
      await write(client, tableName, records);
    }
    items.plain.push(...ids);
  }
  return items;
}

/** The author of a write, for the verbs of core. */
export const by = () => ({ actor: "bench", requestId: newId(), at: new Date().toISOString() });

const plainRecord = (id: string, item: object, partitions: number) => ({
  ...item,
  pk: `PLAIN${partitions}#${parseInt(id.slice(-4), 16) % partitions}`,
  sk: id,
  createdAt: new Date().toISOString(),
  updatedAt: new Date().toISOString(),
});

/** Writes up to 25 records without core. */
async function write(
  client: Client,
  tableName: string,
  records: readonly Record<string, unknown>[],
): Promise<void> {
  const requests = records.map((Item_) => ({ PutRequest: { Item: Item_ } }));
  await client.send("BatchWriteItem", { RequestItems: { [tableName]: requests } });
}
