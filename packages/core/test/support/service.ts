import { vi } from "vitest";

/** Loads the modules again, as another process has them: with locks and settings of their own. */
export async function anotherService() {
  vi.resetModules();
  return {
    DynamoDB: await import("../../src/store/dynamodb.ts"),
    Product: await import("../../src/catalog/product.ts"),
    Inventory: await import("../../src/catalog/inventory.ts"),
    InventoryCount: await import("../../src/catalog/inventory-count.ts"),
    Reservation: await import("../../src/catalog/reservation.ts"),
    Expiry: await import("../../src/catalog/reservation-expiry.ts"),
    Item: await import("../../src/catalog/item.ts"),
    User: await import("../../src/catalog/user.ts"),
    Append: await import("../../src/changes/append.ts"),
  };
}

export type Process = Awaited<ReturnType<typeof anotherService>>;

/** What tests of stock use of a process. */
export type Service = Pick<
  Process,
  "DynamoDB" | "Product" | "Inventory" | "InventoryCount" | "Reservation" | "Expiry"
>;
