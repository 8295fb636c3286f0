import { vi } from "vitest";

/** Loads the modules again, as another process has them: with locks and settings of their own. */
export async function anotherService() {
  vi.resetModules();
  return {
    DynamoDB: await import("../../src/store/dynamodb.ts"),
    Product: await import("../../src/catalog/product.ts"),
    Inventory: await import("../../src/catalog/inventory.ts"),
    Reservation: await import("../../src/catalog/reservation.ts"),
  };
}

export type Service = Awaited<ReturnType<typeof anotherService>>;
