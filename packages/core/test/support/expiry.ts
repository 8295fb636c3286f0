import * as DynamoDB from "../../src/store/dynamodb.ts";
import { shardOf } from "../../src/store/record.ts";

/**
 * Moves the expiry of a reservation into the past without changing its version, as the passage of
 * time would. A reservation that is not active stays as it is.
 */
export async function letExpire(id: string): Promise<void> {
  const stored = await DynamoDB.read({ pk: `RESERVATION#${shardOf(id)}`, sk: id });
  if (stored?.["status"] !== "active") return;
  const lines = await Promise.all(
    (stored["lines"] as { productId: string }[]).map(({ productId }) =>
      DynamoDB.read({ pk: `LINE#${productId}`, sk: id }),
    ),
  );
  const until = Date.now() - 60_000;
  const gsi1sk = `${new Date(until).toISOString()}#${id}`;
  const ended = {
    Item: { ...stored, until, firstUntil: until, gsi1sk },
    ConditionExpression: "version = :version",
    ExpressionAttributeValues: { ":version": stored["version"] },
  };
  try {
    await DynamoDB.transact(
      [{ Put: ended }, ...lines.map((line) => ({ Put: { Item: { ...line, gsi1sk } } }))],
      Date.now() + 20_000,
    );
  } catch (error) {
    if (!(error instanceof DynamoDB.TransactionCancelled)) throw error; // it has just been changed
  }
}
