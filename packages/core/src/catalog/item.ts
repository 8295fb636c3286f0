/**
 * Items: free-form JSON objects. Their attributes are stored as the JSON text of the client, since
 * DynamoDB's own types would change some numbers and empty values.
 */

import * as z from "zod";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import { lazy } from "../lazy.ts";
import { paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import type { Stored } from "../store/update-expression.ts";
import type { Step, Writer } from "../store/write.ts";

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 16;
const MAX_TYPE = 256; // UTF-16 code units of a `type` that is indexed
const SERVER_OWNED: ReadonlySet<string> = new Set(["id", "createdAt", "updatedAt", "version"]);

type Attributes = Record<string, unknown>;

/** An item as clients see it: its own attributes and those of the server. */
export const Info = lazy(() =>
  z
    .looseObject({
      id: z.string(),
      createdAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      version: z.int(),
    })
    .meta({ id: "Item" }),
);
export type Info = Attributes & {
  id: string;
  createdAt: string;
  updatedAt: string;
  version: number;
};

/** Any JSON object without the server's attributes, nested at most 16 levels deep. */
export const Create = lazy(() =>
  z
    .record(z.string(), z.unknown())
    .superRefine((attributes, context) => {
      for (const name of Object.keys(attributes)) {
        if (!SERVER_OWNED.has(name)) continue;
        const params = { code: "reserved_property" };
        context.addIssue({
          code: "custom",
          path: [name],
          message: "This property is set by the server",
          params,
        });
      }
      const path = tooDeep(attributes);
      if (path) {
        const params = { code: "too_deep" };
        context.addIssue({
          code: "custom",
          path,
          message: `Nested deeper than ${MAX_DEPTH}`,
          params,
        });
      }
    })
    .meta({ id: "ItemRequest", propertyNames: { not: { enum: [...SERVER_OWNED] } } }),
);

/** A JSON merge patch (RFC 7396). */
export const Patch = lazy(() => Create.unwrap().meta({ id: "ItemPatch" }));

/** Returns the path of a value nested too deeply. The parser bounds the depth of this recursion. */
function tooDeep(value: unknown, path: string[] = []): string[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return path;
  for (const [name, member] of Object.entries(value)) {
    const found = tooDeep(member, [...path, name]);
    if (found) return found;
  }
  return undefined;
}

export const List = lazy(() =>
  z.strictObject({
    ...query(20),
    type: z.string().min(1).max(MAX_TYPE).optional(),
  }),
);

export const items = recordStore({
  kind: "ITEM",
  notFound: "item_not_found",
  name: "Item",
  decode: (stored): Info => ({
    id: stored.sk,
    ...attributesOf(stored),
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
    version: stored.version,
  }),
});

const attributesOf = (stored: Stored): Attributes =>
  JSON.parse(String(stored["data"])) as Attributes;

/** Returns the stored form of attributes. Throws `body_too_large`. */
const encoded = (id: string, attributes: Attributes) => {
  const data = JSON.stringify(attributes);
  if (Buffer.byteLength(data) > MAX_BYTES) {
    throw new AppError("body_too_large", `An item is at most ${MAX_BYTES} bytes of JSON`);
  }
  const gsi1pk = typeKey(attributes["type"]);
  return { data, gsi1pk, gsi1sk: gsi1pk && id };
};

/** Returns the index partition of a type; undefined for a value that is not indexed. */
export const typeKey = (type: unknown): string | undefined =>
  typeof type === "string" && type !== "" && type.length <= MAX_TYPE ? `TYPE#${type}` : undefined;

const newItem = (attributes: Attributes, writer: Writer) => {
  const id = `item_${newId()}`;
  return items.newRecord(id, encoded(id, attributes), writer);
};

/** Throws `body_too_large`. */
export const create = (attributes: Attributes, writer: Writer) =>
  items.create(newItem(attributes, writer), writer);

/** Creates all or none. Throws `body_too_large`. */
export const createAll = (all: readonly Attributes[], writer: Writer) =>
  items.createAll(
    all.map((attributes) => newItem(attributes, writer)),
    writer,
  );

/** The id has another tombstone than was assumed; `version` is the last one that was used. */
class StaleTombstone extends Error {
  readonly version: number;
  constructor(version: number) {
    super(`an item of this id was deleted as version ${version}`);
    this.version = version;
  }
}

/**
 * Creates an item at an id that the caller chooses. If an item of that id was deleted, versions
 * continue after its last one, so that none is used twice. Throws `precondition_failed` if the item
 * exists, and `body_too_large`.
 */
export const createAt = async (id: string, attributes: Attributes, writer: Writer) => {
  const { stored } = items.newRecord(id, encoded(id, attributes), writer);
  // Most ids were never deleted, so the tombstone is not read: its check fails if there is one.
  let lastVersion = 0;
  for (;;) {
    const steps = [tombstoneCheck(id, lastVersion)];
    try {
      return await items.create({ stored: { ...stored, version: lastVersion + 1 }, steps }, writer);
    } catch (error) {
      if (!(error instanceof StaleTombstone)) throw error;
      lastVersion = error.version;
    }
  }
};

/** Returns the step that checks an id's last version; 0 if it was never deleted. */
const tombstoneCheck = (id: string, lastVersion: number): Step => ({
  write: {
    ConditionCheck: {
      Key: items.tombstoneKey(id),
      ...(lastVersion === 0
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "version = :version",
            ExpressionAttributeValues: { ":version": lastVersion },
          }),
    },
  },
  conditionError: (old) => new StaleTombstone(Number(old?.["version"] ?? 0)),
});

/** Replaces all attributes. Throws `item_not_found`, `precondition_failed`, `body_too_large`. */
export const replace = (
  id: string,
  attributes: Attributes,
  writer: Writer,
  ifMatch?: readonly number[],
) => items.update(id, writer, ifMatch, () => ({ set: encoded(id, attributes) }));

/** Applies a merge patch. Throws `item_not_found`, `precondition_failed`, `body_too_large`. */
export const patch = (
  id: string,
  change: Attributes,
  writer: Writer,
  ifMatch?: readonly number[],
) =>
  items.update(
    id,
    writer,
    ifMatch,
    (current) => current && { set: encoded(id, merge(attributesOf(current), change)) },
  );

/** Applies a merge patch, as in RFC 7396, section 2. */
function merge(target: unknown, change: Attributes): Attributes {
  const merged: Attributes = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete merged[name];
    else merged[name] = isObject(value) ? merge(merged[name], value) : value;
  }
  return merged;
}

const isObject = (value: unknown): value is Attributes =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws `item_not_found`, `precondition_failed`. */
export const remove = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  items.remove(id, writer, ifMatch);

/** Throws `item_not_found`. */
export const get = (id: string): Promise<Info> => items.get(id);

/** Returns a page of all items, or of those of a type. Throws `invalid_cursor`. */
export const list = ({ type, ...page }: z.output<typeof List>) =>
  type === undefined
    ? paged("items", page, items.list)
    : paged(`items type=${type}`, page, (of) => items.listByIndex([`TYPE#${type}`], of));
