import { beforeAll, expect, test } from "vitest";
import { AppError } from "../../src/error.ts";
import { newId } from "../../src/id.ts";
import * as Product from "../../src/catalog/product.ts";
import * as User from "../../src/catalog/user.ts";
import { by, failure, use } from "../support/store.ts";

beforeAll(() => void use());

const ROUNDS = Number(process.env["STRESS_ROUNDS"] ?? 10);

const address = () => `u${newId().replaceAll("-", "")}@example.com`;
const ana = (email: string) => User.Create.parse({ name: "Ana", email });
const codes = (failures: unknown[]) =>
  failures.map((error) => (error instanceof AppError ? error.code : error));

test("of 100 concurrent creates with one email address exactly one succeeds", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const email = address();
    const attempts = Array.from({ length: 100 }, (_, i) =>
      failure(User.create(ana(i % 2 ? email : email.toUpperCase()), by())),
    );
    const failures = (await Promise.all(attempts)).filter((error) => error !== undefined);
    expect(codes(failures)).toEqual(Array.from({ length: 99 }, () => "email_exists"));
  }
}, 120_000);

test("an email address is free again once its user was deleted or has another", async () => {
  const email = address();
  const first = await User.create(ana(email), by());
  expect(codes([await failure(User.create(ana(email), by()))])).toEqual(["email_exists"]);
  await User.remove(first.value.id, by());
  const second = await User.create(ana(email), by());
  await User.update(second.value.id, { email: address() }, by());
  const third = await User.create(ana(email.toUpperCase()), by());
  const found = await User.list(User.List.parse({ email }));
  expect(found.items.map(({ id }) => id)).toEqual([third.value.id]);
});

test("an update to a taken email address is refused and changes nothing", async () => {
  const taken = await User.create(ana(address()), by());
  const other = await User.create(ana(address()), by());
  const refused = await failure(
    User.update(other.value.id, { name: "Other", email: taken.value.email }, by()),
  );
  expect(codes([refused])).toEqual(["email_exists"]);
  expect(await User.get(other.value.id)).toEqual(other.value);
});

test("an email address can change its case and stays unique", async () => {
  const email = address();
  const { value } = await User.create(ana(email), by());
  const changed = await User.update(value.id, { email: email.toUpperCase() }, by());
  expect(changed.value).toMatchObject({ email: email.toUpperCase(), version: 2 });
  expect(codes([await failure(User.create(ana(email), by()))])).toEqual(["email_exists"]);
});

test("of three users who change to one email address concurrently one gets it", async () => {
  for (let round = 0; round < 20; round++) {
    const users = await Promise.all([1, 2, 3].map(() => User.create(ana(address()), by())));
    const email = address();
    const failures = await Promise.all(
      users.map(({ value }) => failure(User.update(value.id, { email }, by()))),
    );
    expect(codes(failures.filter((error) => error !== undefined))).toEqual([
      "email_exists",
      "email_exists",
    ]);
  }
});

test("a sku is unique, and free again once its product has none or is deleted", async () => {
  const sku = newId();
  const pen = (given: object) =>
    Product.create(
      Product.Create.parse({ name: "Pen", price: 1, category: "pens", ...given }),
      by(),
    );
  const first = await pen({ sku });
  expect(codes([await failure(pen({ sku }))])).toEqual(["sku_exists"]);
  const other = await pen({});
  expect(codes([await failure(Product.update(other.value.id, { sku }, by()))])).toEqual([
    "sku_exists",
  ]);
  const without = await Product.update(first.value.id, { sku: null }, by());
  expect(without.value).not.toHaveProperty("sku");
  expect((await Product.update(other.value.id, { sku }, by())).value.sku).toBe(sku);
  expect((await Product.list(Product.List.parse({ sku }))).items).toHaveLength(1);
  await Product.remove(other.value.id, by());
  expect((await pen({ sku })).value.sku).toBe(sku);
});
