import { newId } from "@stockwire/core/id";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { BatchWriteCommand, type DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** Ids of the items that were stored. */
export interface Items {
  ours: string[];
  /** As the plain handler keeps them: one set for each way of laying out the table. */
  plain: string[];
}

const COUNT = 200;
const BATCH = 25;

/** What one item says; about 300 bytes of JSON. */
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

/** Fills the table for every handler; all hold the same attributes. */
export async function seedItems(
  client: DynamoDBDocumentClient,
  tableName: string,
  shards: number,
): Promise<Items> {
  DynamoDB.configure({ client, tableName, shards });
  const items: Items = { ours: [], plain: [] };
  for (let from = 0; from < COUNT; from += BATCH) {
    const all = Array.from({ length: BATCH }, (_, index) => attributes(from + index));
    const outcomes = await Item.createAll(all, by());
    items.ours.push(...outcomes.map(({ value }) => value.id));
    const ids = all.map(() => newId());
    for (const layout of [1, shards]) {
      const records = all.map((each, index) => record(ids[index] ?? "", each, layout));
      await write(client, tableName, records);
    }
    items.plain.push(...ids);
  }
  return items;
}

/** A writer for the verbs of core. */
export const by = () => ({ actor: "bench", requestId: newId(), at: new Date().toISOString() });

const record = (id: string, each: object, shards: number) => ({
  ...each,
  pk: `PLAIN${shards}#${parseInt(id.slice(-4), 16) % shards}`,
  sk: id,
  createdAt: new Date().toISOString(),
  updatedAt: new Date().toISOString(),
});

/** Writes up to 25 records past all verbs. */
async function write(
  client: DynamoDBDocumentClient,
  tableName: string,
  records: readonly Record<string, unknown>[],
): Promise<void> {
  const requests = records.map((Item_) => ({ PutRequest: { Item: Item_ } }));
  await client.send(new BatchWriteCommand({ RequestItems: { [tableName]: requests } }));
}
