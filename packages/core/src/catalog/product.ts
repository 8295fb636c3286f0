import { createHash } from "node:crypto";
import * as z from "zod";
import type { UpdateBuilder, Stored } from "../store/update-expression.ts";
import { AppError, invalidMember } from "../error.ts";
import * as UniqueValue from "../store/unique-value.ts";
import { newId } from "../id.ts";
import * as Inventory from "./inventory.ts";
import { fromMinorUnits, isCurrency, toMinorUnits } from "../money.ts";
import { atMostOne, paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import { folded, text } from "../text.ts";
import type { Writer } from "../store/write.ts";

const Name = text(1, 200);
const Category = text(1, 100);
const Description = text(0, 4000);
const Sku = text(1, 64);
const Status = z.enum(["active", "archived"]);
const Price = z.number().positive().max(9_999_999.99);
const Currency = z
  .string()
  .refine(isCurrency, { error: "Not a currency of ISO 4217" })
  .meta({ pattern: "^[A-Z]{3}$" });

/** A thing that is sold. */
export const Info = z
  .object({
    id: z.string(),
    name: z.string(),
    price: z.number(), // exact decimal; minor units in the table
    currency: z.string(),
    category: z.string(),
    description: z.string(),
    sku: z.string().optional(),
    status: Status,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    version: z.int(),
  })
  .meta({ id: "Product" });
export type Info = z.output<typeof Info>;

const tooFine = (currency: string) => `More decimals than ${currency} has`;

const refinePrice = (
  { price, currency }: { price?: number | undefined; currency?: string | undefined },
  context: z.RefinementCtx,
) => {
  if (price === undefined || currency === undefined) return;
  if (toMinorUnits(price, currency) === undefined) {
    const params = { code: "too_precise" };
    context.addIssue({ code: "custom", path: ["price"], message: tooFine(currency), params });
  }
};

export const Create = z
  .strictObject({
    name: Name,
    price: Price,
    currency: Currency.default("USD"),
    category: Category,
    description: Description.default(""),
    sku: Sku.optional(),
    status: Status.default("active"),
    initialQuantity: Inventory.Quantity.default(0),
  })
  .superRefine(refinePrice)
  .meta({ id: "ProductRequest" });

const fields = {
  name: Name,
  price: Price,
  currency: Currency,
  category: Category,
  description: Description,
  sku: Sku,
  status: Status,
};

export const Update = z
  .strictObject(fields)
  .partial()
  .superRefine(refinePrice)
  .meta({ id: "ProductUpdate" });

/** A JSON merge patch: `null` removes the sku. */
export const Patch = z
  .strictObject({ ...fields, sku: Sku.nullable() })
  .partial()
  .superRefine(refinePrice)
  .meta({ id: "ProductPatch" });

export const Get = z.strictObject({ include: z.literal("inventory").optional() });

export const List = z.strictObject({
  ...query(20),
  category: Category.optional(),
  sku: Sku.optional(),
});

/** Partition of the index. A key holds 2 048 bytes; folding can lengthen a name beyond that. */
const categoryKey = (category: string): string => {
  const fold = folded(category);
  const fits = Buffer.byteLength(fold) <= 1024;
  return `CATEGORY#${fits ? fold : createHash("sha256").update(fold).digest("base64url")}`;
};

/** The same for the value of a filter; undefined for one that no product can have. */
export const categoryFilter = (value: string): string | undefined => {
  const { data } = Category.safeParse(value);
  return data === undefined ? undefined : categoryKey(data);
};

const taken = () =>
  new AppError("sku_exists", "Another product has this sku", {
    errors: [{ pointer: "/sku", code: "not_unique", detail: "Sku already exists" }],
  });

export const products = recordStore({
  kind: "PRODUCT",
  notFound: "product_not_found",
  noun: "Product",
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

const draft = (input: z.output<typeof Create>, writer: Writer) => {
  const { price, initialQuantity, ...rest } = input;
  const id = newId();
  const minorUnits = minorUnitsOf(price, input.currency);
  const indexed = { gsi1pk: categoryKey(input.category), gsi1sk: id };
  return products.newRecord(id, { ...rest, minorUnits, ...indexed }, writer, [
    Inventory.createStep(id, initialQuantity, writer),
    ...(input.sku === undefined ? [] : [UniqueValue.claim("SKU", input.sku, id, taken)]),
  ]);
};

const minorUnitsOf = (price: number, currency: string): number => {
  const minorUnits = toMinorUnits(price, currency);
  if (minorUnits === undefined || minorUnits === 0) {
    throw invalidMember("/price", "too_precise", tooFine(currency));
  }
  return minorUnits;
};

/** Stores the product and its inventory level together. Throws `sku_exists`. */
export const create = (input: z.output<typeof Create>, writer: Writer) =>
  products.create(draft(input, writer), writer);

/** Stores all or none. Throws `sku_exists`. */
export const createAll = (inputs: readonly z.output<typeof Create>[], writer: Writer) =>
  products.createAll(
    inputs.map((input) => draft(input, writer)),
    writer,
  );

/** Changes the members given. Throws `product_not_found`, `sku_exists`, `precondition_failed`. */
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
    const indexed = category !== undefined && {
      category,
      gsi1pk: categoryKey(category),
      gsi1sk: id,
    };
    const set = { ...rest, ...indexed };
    if (current === undefined) {
      if (currency !== undefined && price === undefined) return undefined;
      const assumed = currency ?? "USD";
      const minorUnits = price === undefined ? undefined : toMinorUnits(price, assumed);
      if (price !== undefined && minorUnits === undefined) return undefined;
      return {
        set: {
          ...set,
          ...(minorUnits !== undefined && { minorUnits }),
          ...(currency !== undefined && { currency }),
        },
        conditions: [
          ...(price !== undefined && currency === undefined
            ? [["currency", "=", assumed] as const]
            : []),
          ...(typeof sku === "string" ? [["sku", "=", sku] as const] : []),
          ...(sku === null ? [["sku", "absent"] as const] : []),
        ],
      };
    }
    const { sku: formerSku, ...former } = products.decode(current);
    const pricedIn = currency ?? former.currency;
    const minorUnits = minorUnitsOf(price ?? former.price, pricedIn);
    const nextSku = sku === undefined ? formerSku : (sku ?? undefined);
    const moved = nextSku !== formerSku;
    return {
      set: { ...set, minorUnits, currency: pricedIn, sku: nextSku },
      steps: [
        ...(moved && nextSku !== undefined ? [UniqueValue.claim("SKU", nextSku, id, taken)] : []),
        ...(moved && formerSku !== undefined ? [UniqueValue.release("SKU", formerSku, id)] : []),
      ],
    };
  };

/**
 * Deletes the product with its inventory and frees the sku. Throws `product_not_found`,
 * `has_active_reservations`, `precondition_failed`.
 */
export const remove = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  products.remove(id, writer, ifMatch, async (current, writeId) => [
    ...(await Inventory.deleteSteps(id, writer, writeId)),
    ...(typeof current["sku"] === "string" ? [UniqueValue.release("SKU", current["sku"], id)] : []),
  ]);

/** Throws `product_not_found`. */
export const get = (id: string): Promise<Info> => products.get(id);

/** Throws `invalid_cursor`. */
export const list = async ({ category, sku, ...page }: z.output<typeof List>) => {
  if (sku !== undefined) {
    const owner = await UniqueValue.ownerOf("SKU", sku);
    const found = owner === undefined ? undefined : await products.find(owner);
    const wanted = category === undefined || folded(found?.category ?? "") === folded(category);
    return atMostOne(wanted ? found : undefined);
  }
  if (category === undefined) return paged("products", page, products.list);
  const key = categoryKey(category);
  return paged(`products ${key}`, page, (of) => products.listBy(key, of));
};
