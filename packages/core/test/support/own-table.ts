import {
  CreateTableCommand,
  DeleteTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { Changes, Connections, Data, type TableSpec } from "../../src/store/tables.ts";
import { endpoint, SHARDS, tableName, use } from "./store.ts";

/** A table that no other test file sees: a sweep ends whatever has expired in a whole table. */
export async function ownTable(name: string) {
  const client = use();
  const table = await create(client, `${tableName}-${name}`, Data);
  DynamoDB.configure({ client, tableName: table.name, shards: SHARDS });
  return table;
}

/** A change log and connections that no other test file sees: feeds are numbered from 1. */
export async function ownLog(name: string) {
  const client = use();
  const [changes, connections] = await Promise.all([
    create(client, `${tableName}-${name}-changes`, Changes),
    create(client, `${tableName}-${name}-connections`, Connections),
  ]);
  const names = { changes: changes.name, connections: connections.name };
  /** Points all verbs, those of another process too, at the tables or at something before them. */
  const open = (at: string = endpoint, store: Pick<typeof DynamoDB, "configure"> = DynamoDB) => {
    const opened = use(at);
    store.configure({ client: opened, tableName, ...names, shards: SHARDS });
    return opened;
  };
  open();
  return { ...names, open, drop: () => Promise.all([changes.drop(), connections.drop()]) };
}

async function create(client: ReturnType<typeof use>, TableName: string, spec: TableSpec) {
  const keys = ({ hashKey, rangeKey }: { hashKey: string; rangeKey: string }) => [
    { AttributeName: hashKey, KeyType: "HASH" as const },
    { AttributeName: rangeKey, KeyType: "RANGE" as const },
  ];
  const indexes = Object.entries(spec.globalIndexes);
  const creation = client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: spec.fields.map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      KeySchema: keys(spec.primaryIndex),
      ...(indexes.length > 0 && {
        GlobalSecondaryIndexes: indexes.map(([IndexName, index]) => ({
          IndexName,
          KeySchema: keys(index),
          Projection: { ProjectionType: "ALL" },
        })),
      }),
    }),
  );
  await creation.catch(unless("ResourceInUseException"));
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName });
  const drop = () =>
    client.send(new DeleteTableCommand({ TableName })).catch(unless("ResourceNotFoundException"));
  return { name: TableName, drop };
}

/** What a slow engine says to the SDK's second try, when the first has had its effect. */
const unless = (done: string) => (error: unknown) => {
  if (!(error instanceof Error && error.name === done)) throw error;
};
