import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, ScanCommand } from "@aws-sdk/lib-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";

const PAGE = 500; // items; an engine that is asked for all at once answers nobody else

/**
 * DynamoDB's TTL, which the embedded engine does not have: deletes items whose time has come, and
 * gives how many. An item whose time is moved meanwhile stays.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export async function deleteExpired(
  client: DynamoDBClient,
  specs: readonly TableSpec[],
  nameOf: (id: string) => string,
  now = Date.now(),
): Promise<number> {
  const documents = DynamoDBDocumentClient.from(client);
  let deleted = 0;
  for (const { id, ttl, primaryIndex } of specs) {
    if (ttl === undefined) continue;
    const expired = {
      ExpressionAttributeNames: { "#ttl": ttl },
      ExpressionAttributeValues: { ":now": Math.floor(now / 1000) },
    };
    const TableName = nameOf(id);
    const { hashKey, rangeKey } = primaryIndex;
    for (let from: Record<string, unknown> | undefined; ;) {
      const { Items = [], LastEvaluatedKey } = await documents.send(
        new ScanCommand({
          ...expired,
          TableName,
          FilterExpression: "#ttl <= :now",
          Limit: PAGE,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      for (const item of Items) {
        const Key = { [hashKey]: item[hashKey], [rangeKey]: item[rangeKey] };
        const command = new DeleteCommand({
          ...expired,
          TableName,
          Key,
          ConditionExpression: "#ttl <= :now",
        });
        if (await succeeds(documents.send(command))) deleted++;
      }
      if (LastEvaluatedKey === undefined) break;
      from = LastEvaluatedKey;
    }
  }
  return deleted;
}

async function succeeds(deletion: Promise<unknown>): Promise<boolean> {
  try {
    await deletion;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
