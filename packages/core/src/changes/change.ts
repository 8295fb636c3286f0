/**
 * What a change is, and how it is made from the two images of a stream record. A change describes
 * one version of one record and always fits a frame: one that is too large says so and leaves its
 * data out.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { type Feed, FEEDS, resourceOf, resources } from "../catalog/index.ts";
import { lazy } from "../lazy.ts";
import { unmarshall } from "../store/attribute-value.ts";
import type { Attributes } from "../store/dynamodb.ts";
import type { Stored } from "../store/update-expression.ts";

const OPS = ["create", "update", "delete", "enter", "leave"] as const;

const Members = () => z.record(z.string(), z.unknown());

/** A change as clients see it. */
export const Change = lazy(() =>
  z
    .object({
      feed: z.enum(FEEDS),
      seq: z.int().min(1).meta({ description: "Number in the feed: 1, 2, 3, … without gaps" }),
      cursor: z.string().meta({ description: "Continues after this change" }),
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
      before: Members().optional().meta({
        description: "Their former values; the whole record if it was deleted",
      }),
      data: Members().optional().meta({ description: "The record after the change" }),
      truncated: z.literal(true).optional().meta({ description: "before and data were too large" }),
    })
    .meta({ id: "Change" }),
);
export type Change = z.output<typeof Change>;

/** A change that has no number in its feed yet. */
export type NewChange = Omit<Change, "seq" | "cursor"> & {
  /** Index partitions of the feed's filter that the record was in before, and is in now. */
  was?: string | undefined;
  is?: string | undefined;
};

/** Feeds by the prefix of the partition keys of their records. */
const feedByKind: ReadonlyMap<string, Feed> = new Map(
  FEEDS.map((feed) => [resources[feed].records.kind, feed]),
);

/** Bytes of a change with its data. With what a frame adds it fits the frame's 32 KiB. */
const MAX_BYTES = 32 * 1024 - 768;

type Image = Record<string, AttributeValue>;

/**
 * Returns the change between the two images of a stream record; undefined if the item is not a
 * record of a resource, or if the write did not change the version. Throws a `TypeError` for an
 * image that is not a record's, and `unavailable` if the tombstone of a delete cannot be read.
 */
export async function fromImages(
  oldImage: Image | undefined,
  newImage: Image | undefined,
): Promise<NewChange | undefined> {
  const old = oldImage && (unmarshall(oldImage) as Stored);
  const current = newImage && (unmarshall(newImage) as Stored);
  const stored = current ?? old;
  const feed = feedByKind.get(String(stored?.pk).split("#")[0] ?? "");
  if (stored === undefined || feed === undefined) return undefined;
  if (old && current && old.version === current.version) return undefined;
  const change = current ? createOrUpdate(feed, old, current) : await deletion(feed, stored);
  return fitToFrame(assertValid(change));
}

/** A record or tombstone with the attributes of its writer. */
type Written = Stored & { actor: string; requestId: string; clientRef?: string };

const writerOf = ({ actor, requestId, clientRef, updatedAt }: Written) => ({
  at: updatedAt,
  actor,
  requestId,
  ...(clientRef !== undefined && { clientRef }),
});

function createOrUpdate(feed: Feed, old: Stored | undefined, current: Stored): NewChange {
  const { image, filter, notes = [] } = resourceOf(feed);
  const data = image(current);
  const former = old && image(old);
  const changed = former ? changedMembers(former, data) : [];
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

/** The images of a delete do not say who deleted the record; its tombstone does. */
async function deletion(feed: Feed, old: Stored): Promise<NewChange> {
  const { image, records, filter } = resourceOf(feed);
  const version = old.version + 1;
  const tombstone = (await records.tombstone(old.sk, version)) as Written | undefined;
  return {
    feed,
    op: "delete",
    id: old.sk,
    version,
    // Without a tombstone the item was deleted by another program than this service.
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

/** Members that change with every write, so that listing them says nothing. */
const ALWAYS_CHANGED: ReadonlySet<string> = new Set(["version", "updatedAt"]);

/** Values are compared deeply: DynamoDB does not keep the order of a map's members. */
function changedMembers(former: Attributes, data: Attributes): string[] {
  const names = new Set([...Object.keys(former), ...Object.keys(data)]);
  const value = (of: Attributes, name: string) => (Object.hasOwn(of, name) ? [of[name]] : []);
  const same = (name: string) => isDeepStrictEqual(value(former, name), value(data, name));
  return [...names].filter((name) => !ALWAYS_CHANGED.has(name) && !same(name));
}

const pick = (from: Attributes, names: readonly string[]): Attributes =>
  Object.fromEntries(
    names.flatMap((name) => (Object.hasOwn(from, name) ? [[name, from[name]]] : [])),
  );

/** An image that another program has written must not get into the log. */
function assertValid(change: NewChange): NewChange {
  if (!Number.isSafeInteger(change.version) || typeof change.actor !== "string") {
    throw new TypeError("this image is not a record's");
  }
  return change;
}

/** Member names of a change without its data. */
const MAX_NAMES = 50;

/**
 * Leaves out the data of a change that is too large, and then all member names but the first ones that
 * fit. Counts bytes of JSON, in which a character has up to six.
 */
function fitToFrame(change: NewChange): NewChange {
  if (bytesOf(change) <= MAX_BYTES) return change;
  const truncated = { ...change, before: undefined, data: undefined, truncated: true as const };
  const changed: string[] = [];
  let left = MAX_BYTES - bytesOf({ ...truncated, changed });
  for (const name of change.changed) {
    const size = bytesOf(name) + 1; // and the comma
    if (name.length > 100 || size > left) continue;
    changed.push(name);
    left -= size;
    if (changed.length === MAX_NAMES) break;
  }
  return { ...truncated, changed };
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
