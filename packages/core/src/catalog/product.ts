/**
 * Products. A product is created and deleted together with its inventory. Prices are exact: they
 * are stored as integers of the currency's minor units.
 */

import { createHash } from "node:crypto";
import * as z from "zod";
import { AppError, invalidMember } from "../error.ts";
import { newId } from "../id.ts";
import { lazy } from "../lazy.ts";
import { fromMinorUnits, isCurrency, toMinorUnits } from "../money.ts";
import { atMostOne, paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import * as UniqueValue from "../store/unique-value.ts";
import type { Condition, RecordUpdate, Stored, UpdateBuilder } from "../store/update-expression.ts";
import type { Writer } from "../store/write.ts";
import { folded, text } from "../text.ts";
import * as Inventory from "./inventory.ts";

const Name = () => text(1, 200);
const Category = lazy(() => text(1, 100));
const Description = () => text(0, 4000, { multiline: true });
const Sku = () => text(1, 64);
const Status = () => z.enum(["active", "archived"]);
const Price = () => z.number().positive().max(9_999_999.99);
const Currency = () =>
  z
    .string()
    .refine(isCurrency, { error: "Not a currency of ISO 4217" })
    .meta({ pattern: "^[A-Z]{3}$" });

/** A thing that is sold, as clients see it. */
export const Info = lazy(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      price: z.number(), // in the currency's major unit, exact
      currency: z.string(),
      category: z.string(),
      description: z.string(),
      sku: z.string().optional(),
      status: Status(),
      createdAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      version: z.int(),
    })
    .meta({ id: "Product" }),
);
export type Info = z.output<typeof Info>;

const tooPrecise = (currency: string) => `More decimals than ${currency} has`;

/** Refuses more decimals than the currency has, where the body names both. */
const refinePrice = (
  { price, currency }: { price?: number | undefined; currency?: string | undefined },
  context: z.RefinementCtx,
) => {
  if (price === undefined || currency === undefined) return;
  if (toMinorUnits(price, currency) === undefined) {
    const params = { code: "too_precise" };
    context.addIssue({ code: "custom", path: ["price"], message: tooPrecise(currency), params });
  }
};

export const Create = lazy(() =>
  z
    .strictObject({
      name: Name(),
      price: Price(),
      currency: Currency().default("USD"),
      category: Category,
      description: Description().default(""),
      sku: Sku().optional(),
      status: Status().default("active"),
      initialQuantity: Inventory.Quantity().default(0),
    })
    .superRefine(refinePrice)
    .meta({ id: "ProductRequest" }),
);

const fields = () => ({
  name: Name(),
  price: Price(),
  currency: Currency(),
  category: Category,
  description: Description(),
  sku: Sku(),
  status: Status(),
});

export const Update = lazy(() =>
  z.strictObject(fields()).partial().superRefine(refinePrice).meta({ id: "ProductUpdate" }),
);

/** A JSON merge patch (RFC 7396): `null` removes the sku. */
export const Patch = lazy(() =>
  z
    .strictObject({ ...fields(), sku: Sku().nullable() })
    .partial()
    .superRefine(refinePrice)
    .meta({ id: "ProductPatch" }),
);

export const Get = lazy(() => z.strictObject({ include: z.literal("inventory").optional() }));

export const List = lazy(() =>
  z.strictObject({
    ...query(20),
    category: Category.optional(),
    sku: Sku().optional(),
  }),
);

/**
 * Returns the index partition of a category. A partition key has at most 2 048 bytes. Folding can
 * make a name longer than that, and is then replaced by a hash.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
const categoryKey = (category: string): string => {
  const fold = folded(category);
  const fits = Buffer.byteLength(fold) <= 1024;
  return `CATEGORY#${fits ? fold : createHash("sha256").update(fold).digest("base64url")}`;
};

/** Returns the index partition of a filter's value; undefined if no product can have that value. */
export const categoryFilter = (value: string): string | undefined => {
  const { data } = Category.safeParse(value);
  return data === undefined ? undefined : categoryKey(data);
};

const skuTaken = () =>
  new AppError("sku_exists", "Another product has this sku", {
    errors: [{ pointer: "/sku", code: "not_unique", detail: "Sku already exists" }],
  });

export const products = recordStore({
  kind: "PRODUCT",
  notFound: "product_not_found",
  name: "Product",
  tombstoneSeconds: 90 * 24 * 60 * 60,
  decode: (stored): Info => {
    const { name, minorUnits, currency, category, description, sku, status } = stored as Stored &
      Info & { minorUnits: number };
    return {
      id: stored.sk,
      name,
      price: fromMinorUnits(minorUnits, currency),
      currency,
      category,
      description,
      ...(sku !== undefined && { sku }),
      status,
      createdAt: stored.createdAt,
      updatedAt: stored.updatedAt,
      version: stored.version,
    };
  },
});

const newProduct = (input: z.output<typeof Create>, writer: Writer) => {
  const { price, initialQuantity, ...rest } = input;
  const id = newId();
  const minorUnits = minorUnitsOf(price, input.currency);
  const indexed = { gsi1pk: categoryKey(input.category), gsi1sk: id };
  return products.newRecord(id, { ...rest, minorUnits, ...indexed }, writer, [
    Inventory.createStep(id, initialQuantity, writer),
    ...(input.sku === undefined ? [] : [UniqueValue.claim("SKU", input.sku, id, skuTaken)]),
  ]);
};

const minorUnitsOf = (price: number, currency: string): number => {
  const minorUnits = toMinorUnits(price, currency);
  if (minorUnits === undefined || minorUnits === 0) {
    throw invalidMember("/price", "too_precise", tooPrecise(currency));
  }
  return minorUnits;
};

/** Creates a product and its inventory together. Throws `sku_exists`, `invalid_request`. */
export const create = (input: z.output<typeof Create>, writer: Writer) =>
  products.create(newProduct(input, writer), writer);

/** Creates all or none. Throws `sku_exists`, `invalid_request`. */
export const createAll = async (inputs: readonly z.output<typeof Create>[], writer: Writer) => {
  UniqueValue.assertDistinct(
    inputs.map(({ sku }) => sku),
    skuTaken,
  );
  return products.createAll(
    inputs.map((input) => newProduct(input, writer)),
    writer,
  );
};

/**
 * Changes the given members. Throws `product_not_found`, `sku_exists`, `precondition_failed`, and
 * `invalid_request` if the price has more decimals than the currency.
 */
export const update = (
  id: string,
  input: z.output<typeof Patch>,
  writer: Writer,
  ifMatch?: readonly number[],
) => products.update(id, writer, ifMatch, updateFor(id, input));

const updateFor =
  (
    id: string,
    { price, currency, category, sku, ...rest }: z.output<typeof Patch>,
  ): UpdateBuilder =>
  (current) => {
    const set = {
      ...rest,
      ...(category !== undefined && { category, gsi1pk: categoryKey(category), gsi1sk: id }),
    };
    if (current === undefined) return updateUnread(set, { price, currency, sku });
    const { sku: formerSku, ...former } = products.decode(current);
    const nextCurrency = currency ?? former.currency;
    const minorUnits = minorUnitsOf(price ?? former.price, nextCurrency);
    const nextSku = sku === undefined ? formerSku : (sku ?? undefined);
    const moved = nextSku !== formerSku;
    return {
      set: { ...set, minorUnits, currency: nextCurrency, sku: nextSku },
      steps: [
        ...(moved && nextSku !== undefined
          ? [UniqueValue.claim("SKU", nextSku, id, skuTaken)]
          : []),
        ...(moved && formerSku !== undefined ? [UniqueValue.release("SKU", formerSku, id)] : []),
      ],
    };
  };

/**
 * Builds an update without the record. It assumes that the sku does not change, and that a price
 * without a currency is in US dollars, as most are. Undefined if the record is needed: for a
 * currency without a price, and for a price that US dollars cannot have.
 */
function updateUnread(
  set: RecordUpdate["set"],
  { price, currency, sku }: Pick<z.output<typeof Patch>, "price" | "currency" | "sku">,
): RecordUpdate | undefined {
  if (currency !== undefined && price === undefined) return undefined;
  const assumedCurrency = currency ?? "USD";
  const minorUnits = price === undefined ? undefined : toMinorUnits(price, assumedCurrency);
  if (price !== undefined && minorUnits === undefined) return undefined;
  const conditions: Condition[] = [];
  if (price !== undefined && currency === undefined) {
    conditions.push(["currency", "=", assumedCurrency]);
  }
  if (typeof sku === "string") conditions.push(["sku", "=", sku]);
  if (sku === null) conditions.push(["sku", "absent"]);
  return {
    set: {
      ...set,
      ...(minorUnits !== undefined && { minorUnits }),
      ...(currency !== undefined && { currency }),
    },
    conditions,
  };
}

/**
 * Deletes the product with its inventory and frees the sku. Throws `product_not_found`,
 * `has_active_reservations`, `precondition_failed`.
 */
export const remove = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  Inventory.withExpiredReleased([id], writer, () =>
    products.remove(id, writer, ifMatch, async (current, writeId) => [
      ...(await Inventory.deleteSteps(id, writer, writeId)),
      ...(typeof current["sku"] === "string"
        ? [UniqueValue.release("SKU", current["sku"], id)]
        : []),
    ]),
  );

/** Throws `product_not_found`. */
export const get = (id: string): Promise<Info> => products.get(id);

/**
 * Returns a page of all products, of those of a category, or the product with a sku. Throws
 * `invalid_cursor`.
 */
export const list = async ({ category, sku, ...page }: z.output<typeof List>) => {
  if (sku !== undefined) {
    const owner = await UniqueValue.ownerOf("SKU", sku);
    const found = owner === undefined ? undefined : await products.find(owner);
    const wanted = category === undefined || folded(found?.category ?? "") === folded(category);
    return atMostOne(wanted ? found : undefined);
  }
  if (category === undefined) return paged("products", page, products.list);
  const key = categoryKey(category);
  return paged(`products ${key}`, page, (of) => products.listByIndex([key], of));
};
