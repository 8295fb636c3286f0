import { beforeAll, expect, onTestFinished, test } from "vitest";
import * as Inventory from "../../src/catalog/inventory.ts";
import * as Product from "../../src/catalog/product.ts";
import * as Reservation from "../../src/catalog/reservation.ts";
import * as DynamoDB from "../../src/store/dynamodb.ts";
import { intercepted } from "../support/intercept.ts";
import { by, SHARDS, tableName, use } from "../support/store.ts";

beforeAll(() => void use());

const WRITERS = 3;

test("adjustments of one product do not wait for each other, and a reservation waits for them", async () => {
  const input = { name: "Pen", price: 1, category: "pens", initialQuantity: 100 };
  const { value: product } = await Product.create(Product.Create.parse(input), by());
  const writes: string[] = [];
  const together = Promise.withResolvers<void>();
  const client = intercepted(use(), async ({ operation }, send) => {
    if (operation === "GetItem") return send();
    writes.push(operation);
    if (writes.length === WRITERS) together.resolve();
    if (operation === "UpdateItem") await together.promise; // for ever if they take turns
    return send();
  });
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  onTestFinished(() => void use());
  const sell = () => Inventory.adjust(product.id, { delta: -1, reason: "sold" }, by());
  const adjustments = Array.from({ length: WRITERS }, sell);
  const lines = [{ productId: product.id, quantity: 10 }];
  const reservation = Reservation.create(Reservation.Create.parse({ lines }), by());
  await Promise.all([...adjustments, reservation]);
  // Before them, the transaction would be refused, or refuse them, as DynamoDB does.
  expect(writes).toEqual([...Array<string>(WRITERS).fill("UpdateItem"), "TransactWriteItems"]);
  expect(await Inventory.get(product.id)).toMatchObject({ quantity: 97, reserved: 10 });
});
