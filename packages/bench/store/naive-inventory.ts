import type { Client } from "@stockwire/core/store/client";

/**
 * A naive inventory for comparison: it reads the quantity, checks it, and writes the rest without a
 * condition. It is correct only without concurrent buyers.
 */
export const naiveInventory = (client: Client, TableName: string) => {
  const Key = (productId: string) => ({ pk: `NAIVE#${productId}`, sk: productId });
  return {
    stock: (productId: string, quantity: number) =>
      client.send("PutItem", { TableName, Item: { ...Key(productId), quantity } }),

    /** True if the buyer got the unit. */
    reserve: async (productId: string): Promise<boolean> => {
      const { Item } = await client.send("GetItem", { TableName, Key: Key(productId) });
      const quantity = Number(Item?.["quantity"]);
      if (quantity < 1) return false;
      const left = { ...Key(productId), quantity: quantity - 1 };
      await client.send("PutItem", { TableName, Item: left });
      return true;
    },
  };
};
