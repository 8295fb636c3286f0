/** Example bodies and ids that can be sent as they are. */

import type { Operation, Schema } from "./document.ts";
import { alternatives, concrete } from "./schema.ts";

/** The newest id that a response showed, by the singular of its tag. */
const knownIds = new Map<string, string>();

const singular = (tag: string) => tag.toLowerCase().replace(/s$/, "");

/** Takes the ids of the first record in a response, for the path fields of other operations. */
export function rememberIds({ tag }: Operation, body: unknown): void {
  const { items, results } = (body ?? {}) as {
    items?: unknown[];
    results?: { record?: unknown }[];
  };
  const record = (items?.[0] ?? results?.[0]?.record ?? body) as Record<string, unknown> | null;
  const { id, productId } = record ?? {};
  if (typeof id === "string") knownIds.set(singular(tag), id);
  if (typeof productId === "string") knownIds.set("product", productId);
}

/** A known id for a parameter of the path: `id` means the operation's own resource. */
export const knownId = ({ tag }: Operation, parameter: string): string =>
  knownIds.get(parameter === "id" ? singular(tag) : parameter.replace("Id", "")) ?? "";

const randomText = () => Math.random().toString(36).slice(2, 6);

/** Values for members by tag; emails and skus are random, as they must be unique. */
const samplesFor = (tag: string): Readonly<Record<string, unknown>> => {
  const samples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    Users: {
      name: "Ana Lima",
      email: `ana.${randomText()}@example.com`,
      phone: "5550100123",
      age: 34,
    },
    Products: {
      name: "Desk lamp",
      price: 24.5,
      category: "Lighting",
      sku: `LAMP-${randomText()}`,
      initialQuantity: 40,
    },
    Inventory: { quantity: 40, reorderPoint: 5, delta: 3, reason: "Counted" },
    Reservations: { productId: knownIds.get("product"), quantity: 1 },
  };
  return samples[tag] ?? {};
};

const FREE_FORM: Readonly<Record<string, Schema>> = {
  type: { const: "note" },
  title: { const: "Anything goes" },
};

/** A value that fits the schema: samples first, then what the schema itself names. */
export function example(schema: Schema, operation: Operation, name = ""): unknown {
  const s = concrete(schema);
  const samples = samplesFor(operation.tag);
  const given = samples[name] ?? s.const ?? s.default ?? s.enum?.[0];
  if (given !== undefined) return given;
  const choice = alternatives(s).at(-1);
  if (choice) return example(choice, operation);
  if (s.type === "array") {
    const entries = operation.entry ? [operation.entry, operation.entry] : [s.items ?? {}];
    return entries.map((entry) => example(entry, operation));
  }
  if (s.type === "object") {
    const { required, properties } = s;
    const all = Object.entries(properties ?? FREE_FORM);
    // One member is enough for a schema that requires none, such as a patch.
    const some = required
      ? all.filter(([key]) => required.includes(key) || samples[key])
      : all.slice(0, properties ? 1 : undefined);
    return Object.fromEntries(
      some.map(([key, property]) => [key, example(property, operation, key)]),
    );
  }
  return s.type === "string" ? "text" : (s.minimum ?? 1);
}
