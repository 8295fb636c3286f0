import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { randomBytes } from "node:crypto";

const KEY = { pk: "SETTINGS", sk: "CURSOR_SECRET" };

/**
 * The secret that signs cursors, kept with the data that they point into: all processes on one
 * engine have the same, and it survives what the data survive. Whoever comes first makes it.
 */
export async function cursorSecret(client: DynamoDBClient, TableName: string): Promise<string> {
  const documents = DynamoDBDocumentClient.from(client);
  const get = new GetCommand({ TableName, Key: KEY, ConsistentRead: true });
  const secretOf = async () => (await documents.send(get)).Item?.["secret"] as string | undefined;
  const known = await secretOf();
  if (known !== undefined) return known;
  const secret = randomBytes(32).toString("base64url");
  const Item = { ...KEY, secret };
  try {
    await documents.send(
      new PutCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(pk)" }),
    );
    return secret;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return (await secretOf()) ?? secret; // another process was first, or a try of ours
  }
}
