import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import * as Inventory from "../catalog/inventory.ts";
import * as Item from "../catalog/item.ts";
import * as Product from "../catalog/product.ts";
import * as Reservation from "../catalog/reservation.ts";
import type { Stored } from "../store/update-expression.ts";
import type { Attributes } from "../store/dynamodb.ts";
import * as User from "../catalog/user.ts";

/** What happened to a record, as the change log keeps it and as clients are told. */

export const FEEDS = ["users", "products", "inventory", "items", "reservations"] as const;
export type Feed = (typeof FEEDS)[number];

export const OPS = ["create", "update", "delete", "enter", "leave"] as const;

const Members = z.record(z.string(), z.unknown());

export const Change = z
  .object({
    feed: z.enum(FEEDS),
    seq: z.int().min(1).meta({ description: "Position in the feed: 1, 2, 3, … without gaps" }),
    cursor: z.string().meta({ description: "The position after this change" }),
    op: z.enum(OPS).meta({
      description: "enter and leave: an update moved the record into or out of a filter",
    }),
    id: z.string(),
    version: z.int().min(1),
    at: z.iso.datetime(),
    actor: z.string(),
    requestId: z.string(),
    clientRef: z.string().optional().meta({ description: "The writer's X-Client-Ref" }),
    reason: z.string().optional().meta({ description: "Of a movement of stock" }),
    reference: z.string().optional().meta({ description: "Of a movement of stock" }),
    changed: z.array(z.string()).meta({ description: "Members that an update changed" }),
    before: Members.optional().meta({
      description: "What they were; the whole record if it was deleted",
    }),
    data: Members.optional().meta({ description: "The record as it is now" }),
    truncated: z.literal(true).optional().meta({ description: "before and data were too large" }),
  })
  .meta({ id: "Change" });
export type Change = z.output<typeof Change>;

/** A change that has no place in its feed yet. */
export type NewChange = Omit<Change, "seq" | "cursor"> & {
  /** Partition of the feed's filter that the record was in, and the one that it is in now. */
  was?: string | undefined;
  is?: string | undefined;
};

interface Source {
  feed: Feed;
  /** The record as it was written, whatever time it is. */
  image: (stored: Stored) => Attributes;
  deletion: (id: string, version: number) => Promise<Attributes | undefined>;
  /** Whether its index is one that topics filter by. */
  filtered: boolean;
}

const SOURCES: ReadonlyMap<string, Source> = new Map(
  (
    [
      ["users", User.users, User.users.decode, false],
      ["products", Product.products, Product.products.decode, true],
      ["inventory", Inventory.levels, Inventory.levels.decode, true],
      ["items", Item.items, Item.items.decode, true],
      ["reservations", Reservation.reservations, Reservation.storedInfo, false],
    ] as const
  ).map(([feed, { kind, deletion }, image, filtered]) => [
    kind,
    { feed, image, deletion, filtered },
  ]),
);

/** A change is told whole as long as it fits a frame of 32 KiB together with what surrounds it. */
const MAX_BYTES = 32 * 1024 - 768;

type Image = Record<string, AttributeValue>;

/**
 * The change between two images of an item, as a stream has them; undefined for what is no record,
 * and for a write that left the version as it was. Throws what is not a record's image, and
 * `unavailable`.
 */
export async function fromImages(
  oldImage: Image | undefined,
  newImage: Image | undefined,
): Promise<NewChange | undefined> {
  const old = oldImage && (unmarshall(oldImage) as Stored);
  const current = newImage && (unmarshall(newImage) as Stored);
  const one = current ?? old;
  const source = SOURCES.get(String(one?.pk).split("#")[0] ?? "");
  if (one === undefined || source === undefined) return undefined;
  if (old && current && old.version === current.version) return undefined;
  const entry = current ? written(source, old, current) : await deleted(source, one);
  return checked(entry);
}

type Stamped = Stored & { actor: string; requestId: string; clientRef?: string };

const stampOf = ({ actor, requestId, clientRef, updatedAt }: Stamped) => ({
  at: updatedAt,
  actor,
  requestId,
  ...(clientRef !== undefined && { clientRef }),
});

function written(source: Source, old: Stored | undefined, current: Stored): NewChange {
  const { feed, image, filtered } = source;
  const data = image(current);
  const former = old && image(old);
  const changed = former ? differing(former, data) : [];
  const { reason, reference } = current as Stored & { reason?: string; reference?: string };
  return {
    feed,
    op: former ? "update" : "create",
    id: current.sk,
    version: current.version,
    ...stampOf(current as Stamped),
    ...(feed === "inventory" && reason !== undefined && { reason }),
    ...(feed === "inventory" && reference !== undefined && { reference }),
    changed,
    ...(former && { before: pick(former, changed) }),
    data,
    ...(filtered && { was: partition(old), is: partition(current) }),
  };
}

async function deleted(
  { feed, image, deletion, filtered }: Source,
  old: Stored,
): Promise<NewChange> {
  const version = old.version + 1;
  const stone = (await deletion(old.sk, version)) as Stamped | undefined;
  return {
    feed,
    op: "delete",
    id: old.sk,
    version,
    // Nothing tells who deleted an item past all verbs.
    ...(stone ? stampOf(stone) : { at: old.updatedAt, actor: "unknown", requestId: "unknown" }),
    changed: [],
    before: image(old),
    ...(filtered && { was: partition(old) }),
  };
}

const partition = (stored: Stored | undefined): string | undefined =>
  stored?.["gsi1pk"] as string | undefined;

const ALWAYS: ReadonlySet<string> = new Set(["version", "updatedAt"]);

/**
 * Names of members that are not the same, in whatever order DynamoDB gives a map's; those that
 * change with every write are left out.
 */
function differing(former: Attributes, data: Attributes): string[] {
  const names = new Set([...Object.keys(former), ...Object.keys(data)]);
  const value = (of: Attributes, name: string) => (Object.hasOwn(of, name) ? [of[name]] : []);
  const same = (name: string) => isDeepStrictEqual(value(former, name), value(data, name));
  return [...names].filter((name) => !ALWAYS.has(name) && !same(name));
}

const pick = (from: Attributes, names: readonly string[]): Attributes =>
  Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(from, name) ? [[name, from[name]]] : [])),
  );

/** Fit for the log: an image that is no record's must not get in, nor one too large for a frame. */
function checked(entry: NewChange): NewChange {
  if (!Number.isSafeInteger(entry.version) || typeof entry.actor !== "string") {
    throw new TypeError("an image is not a record's");
  }
  if (Buffer.byteLength(JSON.stringify(entry)) <= MAX_BYTES) return entry;
  const short = entry.changed.filter((name) => name.length <= 100); // an item's can be long
  return {
    ...entry,
    changed: short.slice(0, 50),
    before: undefined,
    data: undefined,
    truncated: true,
  };
}
