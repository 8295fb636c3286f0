import { type DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";

/**
 * A naive inventory for comparison: it reads the quantity, checks it, and writes the rest without a
 * condition. It is correct only without concurrent buyers.
 */
export const naiveInventory = (client: DynamoDBDocumentClient, TableName: string) => {
  const Key = (productId: string) => ({ pk: `NAIVE#${productId}`, sk: productId });
  return {
    stock: (productId: string, quantity: number) =>
      client.send(new PutCommand({ TableName, Item: { ...Key(productId), quantity } })),

    /** True if the buyer got the unit. */
    reserve: async (productId: string): Promise<boolean> => {
      const { Item } = await client.send(new GetCommand({ TableName, Key: Key(productId) }));
      const quantity = Number(Item?.["quantity"]);
      if (quantity < 1) return false;
      const left = { ...Key(productId), quantity: quantity - 1 };
      await client.send(new PutCommand({ TableName, Item: left }));
      return true;
    },
  };
};
