import {
  CreateTableCommand,
  DeleteTableCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { Changes, Connections, Data, type TableSpec } from "../../src/store/tables.ts";
import { documents, endpoint, SHARDS, tableName, use } from "./store.ts";

/**
 * Creates a table for one test file: for example, a sweep expires reservations of a whole table.
 */
export async function ownTable(name: string) {
  const client = use();
  const table = await create(`${tableName}-${name}`, Data);
  DynamoDB.configure({ client, tableName: table.name, shards: SHARDS });
  return table;
}

/** Creates a change log and connections for one test file: its feeds are numbered from 1. */
export async function ownLog(name: string) {
  const [changes, connections] = await Promise.all([
    create(`${tableName}-${name}-changes`, Changes),
    create(`${tableName}-${name}-connections`, Connections),
  ]);
  const names = { changes: changes.name, connections: connections.name };
  /** Configures this process, or the modules of another one, with the tables behind an endpoint. */
  const open = (at: string = endpoint, modules: Pick<typeof DynamoDB, "configure"> = DynamoDB) => {
    const opened = use(at);
    modules.configure({ client: opened, tableName, ...names, shards: SHARDS });
    return opened;
  };
  open();
  return { ...names, open, drop: () => Promise.all([changes.drop(), connections.drop()]) };
}

async function create(TableName: string, spec: TableSpec) {
  const keys = ({ hashKey, rangeKey }: { hashKey: string; rangeKey: string }) => [
    { AttributeName: hashKey, KeyType: "HASH" as const },
    { AttributeName: rangeKey, KeyType: "RANGE" as const },
  ];
  const indexes = Object.entries(spec.globalIndexes);
  const creation = documents.send(
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
  await waitUntilTableExists({ client: documents, maxWaitTime: 30, minDelay: 1 }, { TableName });
  const drop = () =>
    documents
      .send(new DeleteTableCommand({ TableName }))
      .catch(unless("ResourceNotFoundException"));
  return { name: TableName, drop };
}

/** Ignores the error of the SDK's second attempt after a slow first one that was applied. */
const unless = (done: string) => (error: unknown) => {
  if (!(error instanceof Error && error.name === done)) throw error;
};
