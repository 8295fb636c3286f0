import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Feed } from "../catalog.ts";
import { type Connection, isLate } from "../connection.ts";
import { follow } from "../follow.ts";
import { errorText } from "../notice.tsx";
import type { ORDERS } from "../ui/select.tsx";
import { type FetchPage, type First, type Page, readFirst } from "./first.ts";
import { openReload } from "./reload.ts";
import { type Column, sorted, type SortOrder } from "./sort.ts";

const ROWS = 10;
const RELOAD_AFTER = { page: 250, first: 2_000 }; // ms

interface Options<T> {
  connection: Connection;
  feed: Feed;
  fetchPage: FetchPage<T>;
  columns: readonly Column<T>[];
  /** The list begins again when it changes. */
  filter: string;
}

/**
 * The pages of a list: as the server orders it, or its first records sorted by a column. What is on screen is
 * read again after a change of the feed.
 */
export function usePages<T extends { id: string }>(options: Options<T>) {
  const { connection, feed, fetchPage, columns, filter } = options;
  const page = useSignal<Page<T>>();
  const tokens = useSignal<readonly string[]>([]); // page tokens, up to that of this page
  const first = useSignal<First<T>>(); // while it is sorted
  const place = useSignal(0); // pages before this one, while it is sorted
  const order = useSignal<keyof typeof ORDERS>("desc");
  const sort = useSignal<SortOrder>();
  const failure = useSignal<string>();
  const late = useSignal<ReadonlySet<string>>(new Set());
  const isLive = useSignal(false);
  const reads = useRef(0); // only the latest one is shown: an earlier one may be answered later

  const read = async (isLatest: () => boolean) => {
    if (sort.peek()) {
      const found = await readFirst(fetchPage, order.peek(), isLatest);
      if (isLatest()) first.value = found;
      return;
    }
    const nextToken = tokens.peek().at(-1);
    const query = { limit: String(ROWS), order: order.peek(), ...(nextToken && { nextToken }) };
    const found = await fetchPage(query);
    if (isLatest()) page.value = found;
  };
  const load = async () => {
    const number = ++reads.current;
    const isLatest = () => number === reads.current;
    try {
      await read(isLatest);
      if (isLatest()) failure.value = undefined;
    } catch (error) {
      if (isLatest()) failure.value = errorText(error);
    }
  };
  const turnTo = (path: readonly string[]) => {
    tokens.value = path;
    void load();
  };
  const begin = () => {
    place.value = 0;
    turnTo([]);
  };
  useEffect(() => {
    const after = () => RELOAD_AFTER[sort.peek() ? "first" : "page"];
    const reload = openReload({ read: load, after });
    place.value = 0;
    tokens.value = [];
    isLive.value = false;
    const close = follow(connection.live, feed, {
      event({ id, at }) {
        if (isLate(at)) late.value = new Set([...late.peek(), id]);
        else if (late.peek().has(id))
          late.value = new Set([...late.peek()].filter((x) => x !== id));
        reload.note();
      },
      read: () => void load(),
      begun: () => (isLive.value = true),
    });
    return () => {
      reload.close();
      close();
    };
  }, [connection, filter]);

  const held = (sort.value && first.value?.items) ?? page.value?.items ?? [];
  const rows = sorted(held, columns, sort.value);
  const at = Math.min(place.value, Math.max(0, Math.ceil(rows.length / ROWS) - 1));
  const next = page.value?.nextToken;
  return {
    /** The records on screen. */
    items: sort.value ? rows.slice(at * ROWS, (at + 1) * ROWS) : rows,
    isRead: page.value !== undefined || first.value !== undefined,
    /** True once changes arrive. */
    isLive: isLive.value,
    failure: failure.value,
    /** The ids of records that changed while this page had no connection. */
    late: late.value,
    /** From 1. */
    number: 1 + (sort.value ? at : tokens.value.length),
    hasPrevious: sort.value ? at > 0 : tokens.value.length > 0,
    hasNext: sort.value ? (at + 1) * ROWS < rows.length : Boolean(next),
    order: order.value,
    sort: sort.value,
    /** What is sorted; undefined until it is read. */
    first: sort.value && first.value,
    load,
    previous: () => {
      if (sort.peek()) place.value = at - 1;
      else turnTo(tokens.peek().slice(0, -1));
    },
    next: () => {
      if (sort.peek()) place.value = at + 1;
      else if (next) turnTo([...tokens.peek(), next]);
    },
    setOrder: (wanted: keyof typeof ORDERS) => {
      order.value = wanted;
      begin();
    },
    sortBy: (wanted: SortOrder | undefined) => {
      const isHeld = wanted && first.peek();
      sort.value = wanted;
      place.value = 0;
      if (isHeld) return;
      first.value = undefined;
      begin();
    },
  };
}
