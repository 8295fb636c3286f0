import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { type Feed, FEEDS, resourceOf, resources } from "../catalog/index.ts";
import type { Stored } from "../store/update-expression.ts";
import type { Attributes } from "../store/dynamodb.ts";

/** What happened to a record, as the change log keeps it and as clients are told. */

export type { Feed };

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

/** Resources by the prefix of their records' partition keys. */
const feedOfKind: ReadonlyMap<string, Feed> = new Map(
  FEEDS.map((feed) => [resources[feed].records.kind, feed]),
);

/** A change is told whole as long as it fits a frame of 32 KiB together with what surrounds it. */
const MAX_BYTES = 32 * 1024 - 768;

type Image = Record<string, AttributeValue>;

/**
 * Returns the change between the two images of a stream record; undefined if the item is no record
 * of a resource, or if the write left the version as it was. Throws a `TypeError` for an image that
 * is not a record's, and `unavailable` if the tombstone of a delete cannot be read.
 */
export async function fromImages(
  oldImage: Image | undefined,
  newImage: Image | undefined,
): Promise<NewChange | undefined> {
  const old = oldImage && (unmarshall(oldImage) as Stored);
  const current = newImage && (unmarshall(newImage) as Stored);
  const stored = current ?? old;
  const feed = feedOfKind.get(String(stored?.pk).split("#")[0] ?? "");
  if (stored === undefined || feed === undefined) return undefined;
  if (old && current && old.version === current.version) return undefined;
  const change = current ? written(feed, old, current) : await deleted(feed, stored);
  return checked(change);
}

/** A record's attributes that say who wrote it. */
type Written = Stored & { actor: string; requestId: string; clientRef?: string };

const writerOf = ({ actor, requestId, clientRef, updatedAt }: Written) => ({
  at: updatedAt,
  actor,
  requestId,
  ...(clientRef !== undefined && { clientRef }),
});

function written(feed: Feed, old: Stored | undefined, current: Stored): NewChange {
  const { image, filter, notes = [] } = resourceOf(feed);
  const data = image(current);
  const former = old && image(old);
  const changed = former ? differing(former, data) : [];
  return {
    feed,
    op: former ? "update" : "create",
    id: current.sk,
    version: current.version,
    ...writerOf(current as Written),
    ...pick(current, notes),
    changed,
    ...(former && { before: pick(former, changed) }),
    data,
    ...(filter && { was: indexPartition(old), is: indexPartition(current) }),
  };
}

async function deleted(feed: Feed, old: Stored): Promise<NewChange> {
  const { image, records, filter } = resourceOf(feed);
  const version = old.version + 1;
  const tombstone = (await records.deletion(old.sk, version)) as Written | undefined;
  return {
    feed,
    op: "delete",
    id: old.sk,
    version,
    // An item that was deleted without the service's verbs leaves no tombstone.
    ...(tombstone
      ? writerOf(tombstone)
      : { at: old.updatedAt, actor: "unknown", requestId: "unknown" }),
    changed: [],
    before: image(old),
    ...(filter && { was: indexPartition(old) }),
  };
}

const indexPartition = (stored: Stored | undefined): string | undefined =>
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
