/**
 * Time to Live, which the embedded engine accepts but does not carry out. An item is deleted only if
 * its TTL attribute is a number in the past at the moment of the delete.
 */

import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, ScanCommand } from "@aws-sdk/lib-dynamodb";
import type { TableSpec } from "@stockwire/core/store/tables";

const PAGE = 500; // items; while the engine scans it answers no other request

/**
 * Deletes the expired items of all tables that have a TTL attribute, and returns how many it deleted.
 * `now` is in epoch milliseconds; the attribute holds epoch seconds.
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
    const expression = {
      ExpressionAttributeNames: { "#ttl": ttl },
      ExpressionAttributeValues: { ":now": Math.floor(now / 1000) },
    };
    const TableName = nameOf(id);
    const { hashKey, rangeKey } = primaryIndex;
    for (let startKey: Record<string, unknown> | undefined; ;) {
      const { Items = [], LastEvaluatedKey } = await documents.send(
        new ScanCommand({
          ...expression,
          TableName,
          FilterExpression: "#ttl <= :now",
          Limit: PAGE,
          ...(startKey && { ExclusiveStartKey: startKey }),
        }),
      );
      for (const item of Items) {
        const Key = { [hashKey]: item[hashKey], [rangeKey]: item[rangeKey] };
        // The condition keeps an item whose time was moved after the scan.
        const command = new DeleteCommand({
          ...expression,
          TableName,
          Key,
          ConditionExpression: "#ttl <= :now",
        });
        if (await succeeds(documents.send(command))) deleted++;
      }
      if (LastEvaluatedKey === undefined) break;
      startKey = LastEvaluatedKey;
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
