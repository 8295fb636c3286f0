import { vi } from "vitest";

/** The service as another process has it: its modules, and so its lanes, are its own. */
export async function anotherService() {
  vi.resetModules();
  return {
    Store: await import("../../src/store/dynamodb.ts"),
    Product: await import("../../src/catalog/product.ts"),
    Inventory: await import("../../src/catalog/inventory.ts"),
    Reservation: await import("../../src/catalog/reservation.ts"),
  };
}

export type Service = Awaited<ReturnType<typeof anotherService>>;
