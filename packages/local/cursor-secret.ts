import { ConditionalCheckFailedException, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { randomBytes } from "node:crypto";

const KEY = { pk: "SETTINGS", sk: "CURSOR_SECRET" };

/**
 * The secret that signs cursors and page tokens, created at the first call. It is an item of the table
 * that the cursors refer to, so it lives exactly as long as the data, and all processes that share the
 * table have the same secret.
 */
export async function cursorSecret(client: DynamoDBClient, TableName: string): Promise<string> {
  const documents = DynamoDBDocumentClient.from(client);
  const get = new GetCommand({ TableName, Key: KEY, ConsistentRead: true });
  const read = async () => (await documents.send(get)).Item?.["secret"] as string | undefined;
  const existing = await read();
  if (existing !== undefined) return existing;
  const secret = randomBytes(32).toString("base64url");
  const Item = { ...KEY, secret };
  try {
    await documents.send(
      new PutCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(pk)" }),
    );
    return secret;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // Another process was first, or an earlier attempt of this request whose answer was lost.
    return (await read()) ?? secret;
  }
}
