import * as z from "zod";
import type { Stored } from "../store/update-expression.ts";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import { paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import type { Writer } from "../store/write.ts";

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 16;
const MAX_TYPE = 256; // code units of an indexed `type`
const OWNED: ReadonlySet<string> = new Set(["id", "createdAt", "updatedAt", "version"]);

type Attributes = Record<string, unknown>;

/** A free-form record: any JSON object besides what the server owns. */
export const Info = z
  .looseObject({
    id: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    version: z.int(),
  })
  .meta({ id: "Item" });
export type Info = Attributes & {
  id: string;
  createdAt: string;
  updatedAt: string;
  version: number;
};

/** Refuses what the server owns, and what is nested too deeply. */
export const Create = z
  .record(z.string(), z.unknown())
  .superRefine((attributes, context) => {
    for (const name of Object.keys(attributes)) {
      if (!OWNED.has(name)) continue;
      const params = { code: "reserved_property" };
      context.addIssue({
        code: "custom",
        path: [name],
        message: "This property is the server's",
        params,
      });
    }
    const deep = tooDeep(attributes);
    if (deep) {
      const params = { code: "too_deep" };
      context.addIssue({
        code: "custom",
        path: deep,
        message: `Nested deeper than ${MAX_DEPTH}`,
        params,
      });
    }
  })
  .meta({ id: "ItemRequest" });

/** A JSON merge patch (RFC 7396). */
export const Patch = Create.meta({ id: "ItemPatch" });

/** The path of something nested too deeply; bodies are bounded, so recursion is too. */
function tooDeep(value: unknown, path: string[] = []): string[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return path;
  for (const [name, member] of Object.entries(value)) {
    const found = tooDeep(member, [...path, name]);
    if (found) return found;
  }
  return undefined;
}

export const List = z.strictObject({
  ...query(20),
  type: z.string().min(1).max(MAX_TYPE).optional(),
});

/** Attributes are kept as the JSON text that they are: exact, whatever DynamoDB's own types hold. */
export const items = recordStore({
  kind: "ITEM",
  notFound: "item_not_found",
  noun: "Item",
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

/** The stored form. Throws `body_too_large`. */
const encoded = (id: string, attributes: Attributes) => {
  const data = JSON.stringify(attributes);
  if (Buffer.byteLength(data) > MAX_BYTES) {
    throw new AppError("body_too_large", `An item is at most ${MAX_BYTES} bytes of JSON`);
  }
  const gsi1pk = typeKey(attributes["type"]);
  return { data, gsi1pk, gsi1sk: gsi1pk && id };
};

/** Partition of the index; undefined for what is not indexed. */
export const typeKey = (type: unknown): string | undefined =>
  typeof type === "string" && type !== "" && type.length <= MAX_TYPE ? `TYPE#${type}` : undefined;

const draft = (attributes: Attributes, writer: Writer) => {
  const id = `item_${newId()}`;
  return items.newRecord(id, encoded(id, attributes), writer);
};

/** Throws `body_too_large`. */
export const create = (attributes: Attributes, writer: Writer) =>
  items.create(draft(attributes, writer), writer);

/** Stores all or none. Throws `body_too_large`. */
export const createAll = (all: readonly Attributes[], writer: Writer) =>
  items.createAll(
    all.map((attributes) => draft(attributes, writer)),
    writer,
  );

/** The tombstone is another one than was expected. */
class Buried extends Error {
  readonly version: number;
  constructor(version: number) {
    super("an item of this id was deleted before");
    this.version = version;
  }
}

/**
 * Creates an item at an id of the caller's; its versions go on where a deleted one's ended. Throws
 * `precondition_failed` if there is one, `body_too_large`.
 */
export const createAt = async (id: string, attributes: Attributes, writer: Writer) => {
  let buried = 0;
  for (;;) {
    const { stored } = items.newRecord(id, encoded(id, attributes), writer);
    const undisturbed = {
      Key: items.tombstoneKey(id),
      ...(buried === 0
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "version = :buried",
            ExpressionAttributeValues: { ":buried": buried },
          }),
    };
    const step = {
      write: { ConditionCheck: undisturbed },
      refused: (old: Attributes | undefined) => new Buried(Number(old?.["version"] ?? 0)),
    };
    try {
      return await items.create(
        { stored: { ...stored, version: buried + 1 }, steps: [step] },
        writer,
      );
    } catch (error) {
      if (!(error instanceof Buried)) throw error;
      buried = error.version;
    }
  }
};

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

/** RFC 7396, section 2. */
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

/** Throws `invalid_cursor`. */
export const list = ({ type, ...page }: z.output<typeof List>) =>
  type === undefined
    ? paged("items", page, items.list)
    : paged(`items type=${type}`, page, (of) => items.listBy(`TYPE#${type}`, of));
