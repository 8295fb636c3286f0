/**
 * Pages of lists. A page continues after the sort key of the last record that the client has seen,
 * so a walk meets each record that exists throughout exactly once, whatever is created or deleted
 * meanwhile.
 */

import * as z from "zod";
import * as DynamoDB from "./dynamodb.ts";
import type { Attributes } from "./dynamodb.ts";
import * as SignedToken from "./signed-token.ts";

const MAX_LIMIT = 100;

/** Returns the schemas of the query parameters that each list has. */
export const query = (defaultLimit: number) => ({
  limit: z
    .string()
    .refine((digits) => /^[0-9]{1,15}$/.test(digits), { error: "A whole number from 1" })
    .transform((digits) => Math.min(Number(digits), MAX_LIMIT))
    .refine((limit) => limit >= 1, { error: "A whole number from 1" })
    .default(defaultLimit)
    .meta({ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: defaultLimit }),
  order: z.enum(["asc", "desc"]).default("desc"),
  nextToken: z.string().min(1).max(2048).optional(),
});

export interface Page<T> {
  items: T[];
  nextToken: string | null; // null on the last page
}

interface Request {
  limit: number;
  order: "asc" | "desc";
  nextToken?: string | undefined;
}

/**
 * Returns one page of a list. `scope` names the list and its filters: together with the order it is
 * signed into the page token, which is refused for any other list. Throws `invalid_cursor`.
 */
export async function paged<T>(
  scope: string,
  { limit, order, nextToken }: Request,
  load: (page: PageRequest) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<Page<T>> {
  const signed = `${scope} ${order}`;
  const after = nextToken === undefined ? undefined : SignedToken.decode(nextToken, signed);
  const { items, next } = await load({ limit, order, after });
  return { items, nextToken: next === undefined ? null : SignedToken.encode(next, signed) };
}

/** Returns the page of a filter by a unique value. */
export const atMostOne = <T>(record: T | undefined): Page<T> => ({
  items: record === undefined ? [] : [record],
  nextToken: null,
});

/** Asks for one page of partitions in the order of their sort keys. */
export interface PageRequest {
  limit: number; // ≥ 1
  order: "asc" | "desc";
  after?: string | undefined; // sort key of the last item of the page before
}

interface ItemPage {
  items: Attributes[];
  /** The next page's `after`; undefined on the last page. */
  next: string | undefined;
}

/**
 * A page ends early when its items reach this size in bytes, since a Lambda's answer has at most
 * 6 291 556 bytes.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const PAGE_BYTES = 5 * 1024 * 1024;

/**
 * Returns the bytes of a value in a Lambda's answer. The body is a text of JSON within the JSON of
 * the answer, so each of its quotes and backslashes is escaped once more.
 */
export const answerBytes = (value: unknown): number =>
  Buffer.byteLength(JSON.stringify(JSON.stringify(value)));

/** A partition that is being merged into a page. */
interface Source {
  partition: string;
  buffer: Attributes[]; // items that were read and are not on the page yet
  after: string | undefined; // sort key to continue from
  ended: boolean;
}

interface KeyNames {
  partition: "pk" | "gsi1pk";
  sort: "sk" | "gsi1sk";
}

/** Merges several partitions into one list, strongly consistently. */
export const mergedPage = (partitions: readonly string[], page: PageRequest): Promise<ItemPage> =>
  readPage(partitions, page, { partition: "pk", sort: "sk" });

/** The same for partitions of gsi1. An index is eventually consistent. */
export const indexPage = (partitions: readonly string[], page: PageRequest): Promise<ItemPage> =>
  readPage(partitions, page, { partition: "gsi1pk", sort: "gsi1sk" });

/**
 * A merge of sorted partitions: the next item of the page is the first of all buffers. It is only
 * known while no buffer is empty, so an empty one is refilled unless its partition has ended.
 */
async function readPage(
  partitions: readonly string[],
  { limit, order, after }: PageRequest,
  names: KeyNames,
): Promise<ItemPage> {
  const sources = partitions.map((partition): Source => ({
    partition,
    buffer: [],
    after,
    ended: false,
  }));
  // Fetch limit + 1 to detect another page. Of several partitions each is asked for its share and a
  // margin for uneven hashes: one parallel round is nearly always enough without `limit` from each.
  const share = (limit + 1) / sources.length;
  const chunk = sources.length === 1 ? limit + 1 : Math.ceil(share + 2 * Math.sqrt(share) + 1);
  const sortKey = (item: Attributes | undefined) => String(item?.[names.sort]);
  const comesFirst = (a: string, b: string) => (order === "asc" ? a < b : a > b);
  const isEmpty = ({ buffer, ended }: Source) => buffer.length === 0 && !ended;

  const items: Attributes[] = [];
  let bytes = 0;
  for (;;) {
    const empty = sources.filter(isEmpty);
    await Promise.all(
      empty.map((source) => refill(source, Math.min(chunk, limit + 1), order, names)),
    );
    // DynamoDB may return an empty page although the partition has not ended.
    if (empty.some(isEmpty)) continue;
    let first: Source | undefined;
    for (const source of sources) {
      if (source.buffer.length === 0) continue;
      if (!first || comesFirst(sortKey(source.buffer[0]), sortKey(first.buffer[0]))) first = source;
    }
    const item = first?.buffer.shift();
    if (item === undefined) return { items, next: undefined };
    bytes += answerBytes(item); // at least those of the record, which has no stored keys
    if (items.length === limit || (bytes > PAGE_BYTES && items.length > 0)) {
      return { items, next: sortKey(items.at(-1)) };
    }
    items.push(item);
  }
}

/** Reads on in a partition. What is put into the buffer follows on what was read before. */
async function refill(source: Source, limit: number, order: PageRequest["order"], names: KeyNames) {
  const { partition, after } = source;
  const { items, more, last } = await DynamoDB.query({
    ...(names.partition === "gsi1pk" ? { IndexName: "gsi1" } : { ConsistentRead: true }),
    KeyConditionExpression:
      "#partition = :partition" +
      (after === undefined ? "" : ` AND #sort ${order === "asc" ? ">" : "<"} :after`),
    ExpressionAttributeNames: {
      "#partition": names.partition,
      ...(after === undefined ? {} : { "#sort": names.sort }),
    },
    ExpressionAttributeValues: {
      ":partition": partition,
      ...(after === undefined ? {} : { ":after": after }),
    },
    ScanIndexForward: order === "asc",
    Limit: limit,
  });
  source.buffer = items;
  source.ended = !more;
  if (last !== undefined) source.after = String(last[names.sort]);
}
