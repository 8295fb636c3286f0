import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, ScanCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { onSharedEngine } from "../laptop.ts";

type Table = "Data" | "Changes" | "Connections";

/** Tables that only one test file uses, because a feed contains the changes of all its users. */
export interface OwnTables {
  /** The environment of a laptop that uses them. */
  env: Record<string, string | undefined>;
  rows(table: Table): Promise<Record<string, unknown>[]>;
  /** Sets attributes of a stored row directly. */
  alter(
    row: Record<string, unknown>,
    attributes: Record<string, unknown>,
    table?: Table,
  ): Promise<void>;
  drop(): Promise<void>;
}

export function ownTables(name: string): OwnTables {
  const { DYNAMODB_ENDPOINT, STOCKWIRE_TABLE_PREFIX = "" } = onSharedEngine();
  const prefix = `${STOCKWIRE_TABLE_PREFIX}${name}-`;
  const client = new DynamoDBClient({ endpoint: DYNAMODB_ENDPOINT ?? "" });
  const documents = DynamoDBDocumentClient.from(client);
  return {
    env: { DYNAMODB_ENDPOINT, STOCKWIRE_TABLE_PREFIX: prefix },
    async rows(table) {
      const found: Record<string, unknown>[] = [];
      for (let startKey: Record<string, unknown> | undefined; ;) {
        const { Items = [], LastEvaluatedKey } = await documents.send(
          new ScanCommand({
            TableName: prefix + table,
            ConsistentRead: true,
            ...(startKey && { ExclusiveStartKey: startKey }),
          }),
        );
        found.push(...Items);
        if (LastEvaluatedKey === undefined) return found;
        startKey = LastEvaluatedKey;
      }
    },
    async alter({ pk, sk }, attributes, table = "Connections") {
      for (const [attribute, value] of Object.entries(attributes)) {
        await documents.send(
          new UpdateCommand({
            TableName: prefix + table,
            Key: { pk, sk },
            UpdateExpression: "SET #attribute = :value",
            ConditionExpression: "attribute_exists(pk)",
            ExpressionAttributeNames: { "#attribute": attribute },
            ExpressionAttributeValues: { ":value": value },
          }),
        );
      }
    },
    async drop() {
      for (const id of ["Data", "Changes", "Connections", "Leases"]) {
        await client
          .send(new DeleteTableCommand({ TableName: prefix + id }))
          .catch((error: unknown) => {
            const isMissing = error instanceof Error && error.name === "ResourceNotFoundException";
            if (!isMissing) throw error;
          });
      }
      client.destroy();
    },
  };
}
