import * as z from "zod";
import { type Attributes, query as queryTable } from "./dynamodb.ts";
import * as SignedToken from "./signed-token.ts";

const MAX_LIMIT = 100;

/** The query parameters that each list takes. */
export const query = (defaultLimit: number) => ({
  limit: z
    .string()
    .refine((digits) => /^[0-9]{1,15}$/.test(digits), { error: "A whole number from 1" })
    .transform((digits) => Math.min(Number(digits), MAX_LIMIT))
    .refine((limit) => limit >= 1, { error: "A whole number from 1" })
    .default(defaultLimit)
    .meta({ type: "integer", minimum: 1, default: defaultLimit }),
  order: z.enum(["asc", "desc"]).default("desc"),
  nextToken: z.string().min(1).max(2048).optional(),
});

export interface Page<T> {
  items: T[];
  nextToken: string | null;
}

interface Request {
  limit: number;
  order: "asc" | "desc";
  nextToken?: string | undefined;
}

/** One page of the list called `scope`; its token reads only there. Throws `invalid_cursor`. */
export async function paged<T>(
  scope: string,
  { limit, order, nextToken }: Request,
  load: (list: PageRequest) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<Page<T>> {
  const bound = `${scope} ${order}`;
  const after = nextToken === undefined ? undefined : SignedToken.decode(nextToken, bound);
  const { items, next } = await load({ limit, order, after });
  return { items, nextToken: next === undefined ? null : SignedToken.encode(next, bound) };
}

/** What a filter by a unique attribute finds: one record or none. */
export const atMostOne = <T>(record: T | undefined): Page<T> => ({
  items: record === undefined ? [] : [record],
  nextToken: null,
});

/** One page of a list, in the order of the sort keys. */
export interface PageRequest {
  limit: number; // ≥ 1
  order: "asc" | "desc";
  after?: string | undefined; // sort key of the last record seen
}

interface KeyedPage {
  items: Attributes[];
  /** Where the next page goes on; undefined after the last. */
  next: string | undefined;
}

/** A page ends early rather than outgrow what a Lambda may answer (6 MB). */
const PAGE_BYTES = 4 * 1024 * 1024;

interface Partition {
  source: string;
  ready: Attributes[];
  after: string | undefined;
  ended: boolean;
}

/** The records of several partitions as one list, strongly consistent. */
export const mergedPage = (partitions: readonly string[], list: PageRequest): Promise<KeyedPage> =>
  readPage(partitions, list, { partition: "pk", sort: "sk", consistent: true });

/** The records of partitions of gsi1, a moment behind. */
export const indexPage = (partitions: readonly string[], list: PageRequest): Promise<KeyedPage> =>
  readPage(partitions, list, { partition: "gsi1pk", sort: "gsi1sk", consistent: false });

interface Source {
  partition: "pk" | "gsi1pk";
  sort: "sk" | "gsi1sk";
  consistent: boolean;
}

async function readPage(
  partitions: readonly string[],
  list: PageRequest,
  source: Source,
): Promise<KeyedPage> {
  const { limit, order, after } = list;
  const sources = partitions.map((of): Partition => ({
    source: of,
    ready: [],
    after,
    ended: false,
  }));
  // One more than asked tells whether there is a next page. With several sources each gets its share
  // and some to spare: one parallel round is nearly always enough, without reading `limit` of each.
  const share = (limit + 1) / sources.length;
  const chunk = sources.length === 1 ? limit + 1 : Math.ceil(share + 2 * Math.sqrt(share) + 1);
  const sortKey = (item: Attributes | undefined) => String(item?.[source.sort]);
  const comesFirst = (a: string, b: string) => (order === "asc" ? a < b : a > b);

  const items: Attributes[] = [];
  let bytes = 0;
  for (;;) {
    await Promise.all(
      sources
        .filter((partition) => partition.ready.length === 0 && !partition.ended)
        .map((partition) => refill(partition, Math.min(chunk, limit + 1), order, source)),
    );
    // A run may come back empty and yet not be the end.
    if (sources.some((partition) => partition.ready.length === 0 && !partition.ended)) continue;
    let first: Partition | undefined;
    for (const partition of sources) {
      if (partition.ready.length === 0) continue;
      if (!first || comesFirst(sortKey(partition.ready[0]), sortKey(first.ready[0])))
        first = partition;
    }
    const item = first?.ready.shift();
    if (item === undefined) return { items, next: undefined };
    bytes += JSON.stringify(item).length;
    if (items.length === limit || (bytes > PAGE_BYTES && items.length > 0)) {
      return { items, next: sortKey(items.at(-1)) };
    }
    items.push(item);
  }
}

async function refill(
  partition: Partition,
  limit: number,
  order: PageRequest["order"],
  source: Source,
) {
  const { items, more, last } = await queryTable({
    ...(source.partition === "gsi1pk" ? { IndexName: "gsi1" } : {}),
    ConsistentRead: source.consistent,
    KeyConditionExpression:
      "#partition = :partition" +
      (partition.after === undefined ? "" : ` AND #sort ${order === "asc" ? ">" : "<"} :after`),
    ExpressionAttributeNames: {
      "#partition": source.partition,
      ...(partition.after === undefined ? {} : { "#sort": source.sort }),
    },
    ExpressionAttributeValues: {
      ":partition": partition.source,
      ...(partition.after === undefined ? {} : { ":after": partition.after }),
    },
    ScanIndexForward: order === "asc",
    Limit: limit,
  });
  partition.ready = items;
  partition.ended = !more;
  if (last !== undefined) partition.after = String(last[source.sort]);
}
