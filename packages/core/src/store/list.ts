import { type Attributes, query } from "./dynamodb.ts";

/** One page of a list, in the order of the sort keys. */
export interface List {
  limit: number; // ≥ 1
  order: "asc" | "desc";
  after?: string | undefined; // sort key of the last record seen
}

interface Page {
  items: Attributes[];
  /** Where the next page goes on; undefined after the last. */
  next: string | undefined;
}

/** A page ends early rather than outgrow what a Lambda may answer (6 MB). */
const PAGE_BYTES = 4 * 1024 * 1024;

interface Lane {
  source: string;
  ready: Attributes[];
  after: string | undefined;
  ended: boolean;
}

/** The records of several partitions as one list, strongly consistent. */
export const merged = (partitions: readonly string[], list: List): Promise<Page> =>
  page(partitions, list, { partition: "pk", sort: "sk", consistent: true });

/** The records of partitions of gsi1, a moment behind. */
export const indexed = (partitions: readonly string[], list: List): Promise<Page> =>
  page(partitions, list, { partition: "gsi1pk", sort: "gsi1sk", consistent: false });

interface Source {
  partition: "pk" | "gsi1pk";
  sort: "sk" | "gsi1sk";
  consistent: boolean;
}

async function page(partitions: readonly string[], list: List, source: Source): Promise<Page> {
  const { limit, order, after } = list;
  const lanes = partitions.map((of): Lane => ({ source: of, ready: [], after, ended: false }));
  // One more than asked tells whether there is a next page. With several lanes each gets its share
  // and some to spare: one parallel round is nearly always enough, without reading `limit` of each.
  const share = (limit + 1) / lanes.length;
  const chunk = lanes.length === 1 ? limit + 1 : Math.ceil(share + 2 * Math.sqrt(share) + 1);
  const sortKey = (item: Attributes | undefined) => String(item?.[source.sort]);
  const comesFirst = (a: string, b: string) => (order === "asc" ? a < b : a > b);

  const items: Attributes[] = [];
  let bytes = 0;
  for (;;) {
    await Promise.all(
      lanes
        .filter((lane) => lane.ready.length === 0 && !lane.ended)
        .map((lane) => refill(lane, Math.min(chunk, limit + 1), order, source)),
    );
    // A run may come back empty and yet not be the end.
    if (lanes.some((lane) => lane.ready.length === 0 && !lane.ended)) continue;
    let first: Lane | undefined;
    for (const lane of lanes) {
      if (lane.ready.length === 0) continue;
      if (!first || comesFirst(sortKey(lane.ready[0]), sortKey(first.ready[0]))) first = lane;
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

async function refill(lane: Lane, limit: number, order: List["order"], source: Source) {
  const { items, more, last } = await query({
    ...(source.partition === "gsi1pk" ? { IndexName: "gsi1" } : {}),
    ConsistentRead: source.consistent,
    KeyConditionExpression:
      "#partition = :partition" +
      (lane.after === undefined ? "" : ` AND #sort ${order === "asc" ? ">" : "<"} :after`),
    ExpressionAttributeNames: {
      "#partition": source.partition,
      ...(lane.after === undefined ? {} : { "#sort": source.sort }),
    },
    ExpressionAttributeValues: {
      ":partition": lane.source,
      ...(lane.after === undefined ? {} : { ":after": lane.after }),
    },
    ScanIndexForward: order === "asc",
    Limit: limit,
  });
  lane.ready = items;
  lane.ended = !more;
  if (last !== undefined) lane.after = String(last[source.sort]);
}
