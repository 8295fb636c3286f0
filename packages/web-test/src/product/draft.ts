/** The product form's fields as text, and the members that they stand for. */

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
export type Draft = Record<(typeof NAMES)[number], string>;

type Members = Readonly<Record<string, unknown>>;

const DEFAULTS: Partial<Draft> = { currency: "USD", status: "active", initialQuantity: "0" };

/** All fields as text, with the defaults of a new product. */
export function draftOf(members: Members): Draft {
  const fields = NAMES.map((name) => {
    const value = members[name];
    const isText = typeof value === "number" || typeof value === "string";
    return [name, isText ? String(value) : (DEFAULTS[name] ?? "")];
  });
  return Object.fromEntries(fields) as Draft;
}

/** A text that is no number is sent as text, for the server to refuse. */
const numberOf = (text: string): number | string => {
  const trimmed = text.trim();
  return trimmed === "" || Number.isNaN(Number(trimmed)) ? text : Number(trimmed);
};

/** The members of a draft. Only a new product has an opening stock; a sku can be left out. */
export function membersOf(draft: Draft, isNew: boolean): Members {
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

/** A JSON merge patch of the members that differ; one that was removed is null. */
export function patchOf(members: Members, base: Members): Members {
  const changed = NAMES.filter((name) => members[name] !== base[name]);
  return Object.fromEntries(changed.map((name) => [name, members[name] ?? null]));
}
