/** The fields of the product form, and the members that they stand for. */

import { type Draft, type Members, numberOf } from "../record/draft.ts";

export const NAMES = [
  "name",
  "category",
  "price",
  "currency",
  "sku",
  "description",
  "status",
  "initialQuantity",
] as const;
type ProductDraft = Draft<(typeof NAMES)[number]>;

export const DEFAULTS: Partial<ProductDraft> = {
  currency: "USD",
  status: "active",
  initialQuantity: "0",
};

/** The members of a draft. Only a new product has an opening stock; a sku can be left out. */
export function membersOf(draft: ProductDraft, isNew: boolean): Members {
  const { name, category, price, currency, sku, description, status, initialQuantity } = draft;
  return {
    name,
    category,
    price: numberOf(price),
    currency,
    ...(sku !== "" && { sku }),
    description,
    status,
    ...(isNew && { initialQuantity: numberOf(initialQuantity) }),
  };
}
