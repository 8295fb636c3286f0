import {
  CreateTableCommand,
  DeleteTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import * as Store from "../src/store.ts";
import { Data } from "../src/tables.ts";
import { SHARDS, tableName, use } from "./store.ts";

/** A table that no other test file sees: a sweep ends whatever has expired in a whole table. */
export async function ownTable(name: string) {
  const client = use();
  const TableName = `${tableName}-${name}`;
  const keys = ({ hashKey, rangeKey }: { hashKey: string; rangeKey: string }) => [
    { AttributeName: hashKey, KeyType: "HASH" as const },
    { AttributeName: rangeKey, KeyType: "RANGE" as const },
  ];
  const create = client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: Data.fields.map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      KeySchema: keys(Data.primaryIndex),
      GlobalSecondaryIndexes: Object.entries(Data.globalIndexes).map(([IndexName, index]) => ({
        IndexName,
        KeySchema: keys(index),
        Projection: { ProjectionType: "ALL" },
      })),
    }),
  );
  await create.catch(unless("ResourceInUseException"));
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName });
  Store.configure({ client, tableName: TableName, shards: SHARDS });
  const drop = () =>
    client.send(new DeleteTableCommand({ TableName })).catch(unless("ResourceNotFoundException"));
  return { name: TableName, drop };
}

/** What a slow engine says to the SDK's second try, when the first has had its effect. */
const unless = (done: string) => (error: unknown) => {
  if (!(error instanceof Error && error.name === done)) throw error;
};
