import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/id.ts";
import type { Client } from "../../src/store/client.ts";
import type * as DynamoDB from "../../src/store/dynamodb.ts";
import type { Operation } from "../../src/store/protocol/message.ts";
import { memory } from "./memory-store.ts";
import { ownLog } from "./own-table.ts";

let log: Awaited<ReturnType<typeof ownLog>>;
beforeAll(async () => {
  log = await ownLog("memory");
});
afterAll(() => log.drop());

const absent = { ConditionExpression: "attribute_not_exists(pk)" };
const values = (of: Record<string, unknown>) => ({ ExpressionAttributeValues: of });
const OLD = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

const sort = fc.constantFrom("a", "b", "c", "ab");
const number = fc.integer({ min: 1, max: 3 });
const limit = fc.integer({ min: 1, max: 4 });
const itemOf = (pk: string, sk: string, seq: number) => ({
  pk,
  sk,
  seq,
  ...(seq > 1 && { gsi1pk: pk, gsi1sk: `${seq}${sk}` }),
  nothing: undefined,
});

/** Generates commands on partitions of one run. */
const command = (TableName: string, run: string) => {
  const pk = fc.constantFrom(`${run}x`, `${run}y`);
  const key = fc.record({ pk, sk: sort });
  const item = fc.tuple(pk, sort, number).map((parts) => itemOf(...parts));
  const condition = number.map((n) =>
    n === 1 ? absent : { ConditionExpression: "seq = :n", ...values({ ":n": n }) },
  );
  const put = fc
    .tuple(item, condition)
    .map(([Item, when]) => ({ Put: { TableName, Item, ...when, ...OLD } }));
  const update = fc.tuple(key, number, number).map(([Key, from, to]) => ({
    Update: {
      TableName,
      Key,
      UpdateExpression: "SET seq = :next",
      ConditionExpression: "seq = :n",
      ...values({ ":n": from, ":next": to }),
      ...OLD,
    },
  }));
  const target = (write: { Put?: { Item: object }; Update?: { Key: object } }) => {
    const { pk: p, sk: s } = { ...write.Put?.Item, ...write.Update?.Key } as DynamoDB.Key;
    return `${p} ${s}`;
  };
  const query = fc
    .tuple(pk, fc.constantFrom("", " AND sk > :sk", " AND begins_with(sk, :sk)"), sort, limit)
    .map(([p, more, sk, Limit]) => ({
      TableName,
      KeyConditionExpression: `pk = :pk${more}`,
      ...values({ ":pk": p, ...(more && { ":sk": sk }) }),
      ConsistentRead: true,
      Limit,
    }));
  const index = fc.tuple(pk, number, limit, fc.boolean()).map(([p, n, Limit, ascending]) => ({
    TableName,
    IndexName: "gsi1",
    KeyConditionExpression: "gsi1pk = :pk AND gsi1sk > :n",
    ...values({ ":pk": p, ":n": String(n) }),
    ScanIndexForward: ascending,
    Limit,
  }));
  const requests = fc.array(
    fc.oneof(
      item.map((Item) => ({ PutRequest: { Item } })),
      key.map((Key) => ({ DeleteRequest: { Key } })),
    ),
    { minLength: 1, maxLength: 4 },
  );
  return fc.oneof(
    key.map((Key) => () => ["GetItem", { TableName, Key, ConsistentRead: true }] as const),
    put.map(
      ({ Put }) =>
        () =>
          ["PutItem", Put] as const,
    ),
    query.map((input) => () => ["Query", input] as const),
    index.map((input) => () => ["Query", input] as const),
    requests.map(
      (all) => () => ["BatchWriteItem", { RequestItems: { [TableName]: all } }] as const,
    ),
    fc
      .uniqueArray(fc.oneof(put, update), { minLength: 1, maxLength: 4, selector: target })
      .map((TransactItems) => () => ["TransactWriteItems", { TransactItems }] as const),
  );
};

/** Returns the parts of an answer that core uses. */
async function answer(
  client: Client,
  [operation, input]: readonly [Operation, object],
): Promise<object> {
  try {
    const { Item, Items, LastEvaluatedKey } = (await client.send(operation, input as never)) as {
      Item?: object;
      Items?: object[];
      LastEvaluatedKey?: object;
    };
    return { Item, Items, more: LastEvaluatedKey !== undefined };
  } catch (error) {
    const { name, Item, CancellationReasons } = error as {
      name: string;
      Item?: object;
      CancellationReasons?: { Code: string; Item?: object }[];
    };
    return { name, Item, reasons: CancellationReasons?.map(({ Code, Item: old }) => [Code, old]) };
  }
}

test("the store in memory answers any sequence of commands as the engine does", async () => {
  const engine = log.open();
  const run = fc.constant(null).map(() => `${newId()}-`);
  await fc.assert(
    fc.asyncProperty(
      run.chain((prefix) =>
        fc.array(command(log.changes, prefix), { minLength: 5, maxLength: 30 }),
      ),
      async (commands) => {
        const { client } = memory();
        for (const make of commands) {
          const made = make();
          expect([made, await answer(client, made)]).toEqual([made, await answer(engine, make())]);
        }
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
