import { createClient } from "@stockwire/core/store/client";
import { newId } from "@stockwire/core/id";
import * as Inventory from "@stockwire/core/catalog/inventory";
import { countsFor } from "@stockwire/core/catalog/inventory-units";
import * as Product from "@stockwire/core/catalog/product";
import * as Reservation from "@stockwire/core/catalog/reservation";
import {
  activeIndex,
  lineItem,
  linePartition,
  reservations as records,
} from "@stockwire/core/catalog/reservation-record";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { shardOf } from "@stockwire/core/store/record";
import { tables } from "@stockwire/core/store/tables";
import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTables } from "../engine/tables.ts";
import { register, unregister } from "../server-registry.ts";
import { runProgram } from "../test/program.ts";

const PROGRAM = join(import.meta.dirname, "check-stock.ts");
/** Makes a process print its largest heap, after garbage collection, when it ends. */
const PRINT_MEMORY = `data:text/javascript,${encodeURIComponent(`
  let most = 0;
  setInterval(() => { gc(); most = Math.max(most, process.memoryUsage().heapUsed); }, 250).unref();
  process.on("exit", () => console.error("heap " + most));
`)}`;
const endpoint = process.env["DYNAMODB_ENDPOINT"] ?? "";
const plain = new DynamoDBClient({ endpoint });
const client = createClient({ region: "us-east-1", endpoint });

let table: string;

/** Each test that stores something has a table of its own. */
async function useTable(): Promise<void> {
  const prefix = `check-${randomBytes(6).toString("hex")}-`;
  const data = tables.filter(({ id }) => id === "Data");
  await createTables(plain, data, (id) => prefix + id);
  const created = `${prefix}Data`;
  onTestFinished(async () => {
    await plain.send(new DeleteTableCommand({ TableName: created }));
  });
  table = created;
  DynamoDB.configure({ client, tableName: table, shards: 3 });
}

interface Run {
  code: unknown;
  lines: string[];
  stderr: string;
  memory: number; // MB
}

async function run(
  args: string[],
  { env = {}, flags = [] }: { env?: Record<string, string>; flags?: string[] } = {},
): Promise<Run> {
  const given = { env: { ...process.env, ...env }, flags };
  const { code, stdout, stderr } = await runProgram(PROGRAM, args, given);
  return {
    code,
    lines: stdout.trimEnd().split("\n"),
    stderr: stderr.replace(/heap \d+\n/, ""),
    memory: Number(/heap (\d+)/.exec(stderr)?.[1]) / 1e6,
  };
}

const by = () => ({ actor: "ana", requestId: newId(), at: new Date().toISOString() });

async function stocked(initialQuantity: number): Promise<string> {
  const input = { name: "Pen", price: 1, category: "pens", initialQuantity };
  return (await Product.create(Product.Create.parse(input), by())).value.id;
}

async function reserved(productId: string, quantity: number): Promise<string> {
  const input = { lines: [{ productId, quantity }] };
  return (await Reservation.create(Reservation.Create.parse(input), by())).value.id;
}

/** Overwrites attributes of a stored item directly; undefined removes one. */
async function damage(key: DynamoDB.Key, attributes: DynamoDB.Attributes): Promise<void> {
  await DynamoDB.put({ Item: { ...(await DynamoDB.read(key)), ...key, ...attributes } });
}

const levelKey = (id: string) => ({ pk: `INVENTORY#${shardOf(id)}`, sk: id });

test("correct stock has no difference: exit code 0", async () => {
  await useTable();
  const id = await stocked(10);
  await reserved(id, 2);
  await Reservation.confirm(await reserved(id, 3), by());
  expect(await run(["--table", table])).toMatchObject({
    code: 0,
    lines: ["1 products, 2 reservations: no differences"],
    stderr: "",
  });
});

test("each kind of damage is described, and repaired with --repair", async () => {
  await useTable();
  const ids: string[] = [];
  const holders: string[] = [];
  for (let n = 0; n < 8; n++) {
    ids.push(await stocked(10));
    holders.push(await reserved(ids[n] ?? "", 3));
  }
  const id = (n: number) => ids[n] ?? "";
  const holder = (n: number) => holders[n] ?? "";
  await damage(levelKey(id(0)), { available: 9 });
  await damage(levelKey(id(1)), { gsi1pk: "LEVEL#low", gsi1sk: id(1) });
  await damage(levelKey(id(2)), { moved: 12 });
  await damage(levelKey(id(3)), { reserved: 1, available: 9, headroom: 9 });
  await damage(levelKey(id(4)), { reserved: 11, available: -1, headroom: -1 });
  const line = { pk: linePartition(id(5)), sk: holder(5) };
  await damage(line, { quantity: 4 });
  const closed = { pk: linePartition(id(6)), sk: holder(6) };
  const held = await DynamoDB.read(closed);
  await Reservation.cancel(holder(6), by());
  await damage(closed, { ...held });
  const active = { pk: `RESERVATION#${shardOf(holder(7))}`, sk: holder(7) };
  await damage(active, { gsi1pk: undefined, gsi1sk: undefined });

  const expected = [
    `product ${id(0)}: 9 available, but on hand less reserved is 7`,
    `product ${id(1)}: its level has headroom 7, listed at LEVEL#low ${id(1)}, but should have headroom 7, not listed`,
    `product ${id(2)}: movements sum up to 12, but 10 are on hand`,
    `product ${id(3)}: 1 reserved, but active reservations hold 3`,
    `product ${id(4)}: reserved 11, quantity 10, but it must be 0 ≤ reserved ≤ quantity`,
    `product ${id(4)}: its level has headroom -1, not listed, but should have headroom -1, listed at LEVEL#low ${id(4)}`,
    `product ${id(4)}: 11 reserved, but active reservations hold 3`,
    `product ${id(5)}, reservation ${holder(5)}: the line is 4 units, listed`,
    `product ${id(6)}, reservation ${holder(6)}: the line is 3 units, listed`,
    `reservation ${holder(7)}: not listed for the sweep, but should be listed`,
  ];
  const summary = "8 products, 8 reservations";
  const found = await run(["--table", table]);
  expect(found.code).toBe(1);
  for (const text of expected) expect(found.lines).toContainEqual(expect.stringContaining(text));
  expect(found.lines).toHaveLength(expected.length + 1);
  expect(found.lines.at(-1)).toBe(`${summary}: ${expected.length} differences`);

  const repaired = await run(["--table", table, "--repair"]);
  expect(repaired.code).toBe(0);
  for (const text of expected) {
    expect(repaired.lines.find((each) => each.includes(text))).toMatch(/: repaired$/);
  }
  expect(repaired.lines.at(-1)).toBe(`${summary}: no differences`);
  expect(await run(["--table", table])).toMatchObject({ code: 0 });
  expect(await Inventory.get(id(4))).toMatchObject({ quantity: 10, reserved: 3, available: 7 });
});

test("a difference that cannot be repaired is reported and remains", async () => {
  await useTable();
  const id = await stocked(10);
  await reserved(id, 3);
  await damage(levelKey(id), { quantity: 2, moved: 2, available: -1 });
  const { code, lines } = await run(["--table", table, "--repair"]);
  expect(code).toBe(1);
  expect(lines[0]).toMatch(/: not repaired$/);
  expect(lines.at(-1)).toMatch(/: \d differences$/);
});

test("a running server is found by its port", async () => {
  await useTable();
  const port = 55_000 + (process.pid % 5000);
  register({ port, dataDir: "/nowhere", issuer: "http://here", endpoint, table });
  onTestFinished(() => unregister(port));
  await stocked(10);
  const env = { DYNAMODB_ENDPOINT: "" };
  expect(await run(["--port", String(port)], { env })).toMatchObject({
    code: 0,
    lines: ["1 products, 0 reservations: no differences"],
  });
});

test("thousands of records take no more memory than a few", async () => {
  await useTable();
  await plant(150, 100); // enough to load and to cache all that a check needs
  const flags = ["--expose-gc", "--import", PRINT_MEMORY];
  const few = await run(["--table", table], { flags });
  await plant(1_500, 1_000);
  const many = await run(["--table", table], { flags });
  expect([many.code, many.lines]).toEqual([
    0,
    ["1650 products, 1100 reservations: no differences"],
  ]);
  // If the records were kept it would be over 5 MB.
  expect(many.memory - few.memory).toBeLessThan(3.5);
}, 120_000);

/** Stores inventory of many products, and reservations that each hold 2 units of one of the first 10. */
async function plant(products: number, reservations: number): Promise<void> {
  const hot = Array.from({ length: 10 }, () => newId());
  const ids = [...hot, ...Array.from({ length: products - hot.length }, () => newId())];
  const held = (2 * reservations) / hot.length;
  const levels = ids.map((id, n) => {
    const counts = countsFor(id, 1_000, n < hot.length ? held : 0, 0);
    return Inventory.inventories.newRecord(id, { ...counts, moved: 1_000 }, by()).stored;
  });
  const until = Date.now() + 60_000;
  const holders = Array.from({ length: reservations }, (_, n) => {
    const id = newId();
    const line = { productId: hot[n % hot.length] ?? "", quantity: 2 };
    const index = activeIndex(id, until);
    const attributes = { status: "active", lines: [line], until, ...index };
    const { stored } = records.newRecord(id, attributes, by());
    return [stored, lineItem(id, line, until)];
  });
  await DynamoDB.verifyShards();
  const items: object[] = [...levels, ...holders.flat()];
  // Transactions: the engine commits each of them once, and each item of a batch.
  for (let from = 0; from < items.length; from += 100) {
    const TransactItems = items
      .slice(from, from + 100)
      .map((item) => ({ Put: { TableName: table, Item: { ...item } } }));
    await client.send("TransactWriteItems", { TransactItems });
  }
}

test.each([
  [["--port", "1"], /^No server of this folder runs on port 1/],
  [["--port", "x"], /--port must be/],
  [["--table", "x", "--port", "1"], /not both/],
  [["--table", ""], /--table must be/],
  [["--bogus"], /Unknown option/],
  [["--table", "no-such-table"], /^table no-such-table at .* can't be read: /],
])("%j is one clear line and exit code 2", async (args, reason) => {
  const { code, lines, stderr } = await run(args);
  expect([code, lines]).toEqual([2, [""]]);
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd()).not.toContain("\n");
});

test("a store that does not answer is one clear line and exit code 2", async () => {
  const env = { DYNAMODB_ENDPOINT: "http://127.0.0.1:1" };
  const { code, stderr } = await run(["--table", "any"], { env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^table .* at http:\/\/127.0.0.1:1 can't be read: .*ECONNREFUSED.*\n$/);
});

test("a table that Stockwire has not used is one clear line and exit code 2", async () => {
  await useTable();
  const { code, stderr } = await run(["--table", table]);
  expect(code).toBe(2);
  expect(stderr).toContain("is not a table that Stockwire has used");
});

test("--help shows the usage", async () => {
  const { code, lines } = await run(["--help"]);
  expect(code).toBe(0);
  expect(lines[0]).toContain("check-stock");
});
