/**
 * The stock page's data: the rows near the screen, which follow the changes of products and levels. It
 * subscribes to both feeds and drops the changes of rows that it does not hold. The screen is updated
 * once a frame, however many changes arrive.
 */

import { type Signal, signal } from "@preact/signals";
import type { Inventory, Product } from "@stockwire/client/http";
import { oncePerFrame } from "../animation-frame.ts";
import { type Change } from "../catalog.ts";
import { type Connection, isLate } from "../connection.ts";
import { PagedList } from "./paged-list.ts";
import { RecentRecords } from "./recent.ts";
import { type Cursors, type Filter, type ProductAndLevel, sourceOf } from "./source.ts";

/** One product. Each signal redraws only the cells that read it. */
export interface Row {
  id: string;
  product: Signal<Product>;
  level: Signal<Inventory | undefined>;
  /** The values of `available` since the row is held, oldest first. */
  availability: Signal<readonly number[]>;
  /** Changed while there was no connection. */
  late: Signal<boolean>;
}

export interface Stock {
  list: PagedList<Row>;
  /** Rises with each change of what the list holds. */
  drawn: Signal<number>;
  /** Products that were created, or came into the filter, after the list was read. */
  fresh: Signal<number>;
  close: () => void;
}

const KEPT = 4; // pages on each side of those on screen
const AHEAD = 20; // rows
const VALUES = 24; // of a sparkline

/** `onReset` is called when changes are missing, and the list must be opened again. */
export function openStock({ http, live }: Connection, filter: Filter, onReset: () => void): Stock {
  const drawn = signal(0);
  const fresh = signal(0);
  const freshIds = new Set<string>();
  const byId = new Map<string, Row>();
  const products = new RecentRecords<Product>();
  const levels = new RecentRecords<Inventory>();
  const changed = new Map<string, boolean>(); // rows to draw, and whether their change came late
  const closing: (() => void)[] = [];
  let isFollowing = false;

  const draw = oncePerFrame(() => {
    for (const [id, isLateChange] of changed) {
      const row = byId.get(id);
      if (!row) continue;
      row.product.value = products.newest(row.product.peek()) ?? row.product.peek();
      row.level.value = levels.newest(row.level.peek());
      row.late.value = isLateChange;
    }
    changed.clear();
    if (fresh.peek() !== freshIds.size) fresh.value = freshIds.size;
  });
  const note = ({ id, at }: Change) => {
    changed.set(id, isLate(at));
    draw();
  };

  const onProduct = (change: Change) => {
    const { id, op, data } = change;
    if (op === "delete") {
      freshIds.delete(id);
      list.remove(id);
      return draw();
    }
    const product = data as Product | undefined;
    if (product) products.add(product);
    if (op === "create" && product && isWanted(filter, product)) freshIds.add(id);
    note(change);
  };
  const onLevel = (change: Change) => {
    const level = change.data as Inventory | undefined;
    if (change.op === "delete" || !level) return;
    levels.add(level);
    const row = byId.get(change.id);
    if (row) addValue(row, level.available);
    else if (filter.by === "level" && level.level === filter.level) freshIds.add(change.id);
    note(change);
  };
  /** Subscribes once, from the cursors of the first page. */
  const follow = (cursors: Cursors) => {
    if (isFollowing) return;
    isFollowing = true;
    const since = (cursor: string | undefined) => (cursor === undefined ? {} : { since: cursor });
    const subscriptions = [
      live.subscribe("products", {
        ...since(cursors.products),
        event: onProduct,
        reset: onReset,
      }),
      live.subscribe("inventory", { ...since(cursors.inventory), event: onLevel, reset: onReset }),
    ];
    closing.push(...subscriptions.map(({ close }) => close));
  };

  const rowOf = ({ product, level }: ProductAndLevel): Row => {
    const known = levels.newest(level);
    const row: Row = {
      id: product.id,
      product: signal(products.newest(product) ?? product),
      level: signal(known),
      availability: signal(known ? [known.available] : []),
      late: signal(false),
    };
    byId.set(row.id, row);
    freshIds.delete(row.id);
    return row;
  };
  const read = sourceOf(http, filter, follow);
  const list = new PagedList<Row>({
    read: async (token) => {
      const { rows, next } = await read(token);
      return { rows: rows.map(rowOf), next };
    },
    order: filter.by === "all" ? filter.order : "desc",
    kept: KEPT,
    ahead: AHEAD,
    onChange: () => void drawn.value++,
    onDropped: ({ id }) => void byId.delete(id),
  });
  closing.push(
    live.on("open", () => list.retry()),
    () => list.close(),
  );
  return {
    list,
    drawn,
    fresh,
    close() {
      for (const close of closing) close();
    },
  };
}

function isWanted(filter: Filter, { category, sku }: Product): boolean {
  if (filter.by === "category") return category.toLowerCase() === filter.text.toLowerCase();
  if (filter.by === "sku") return sku === filter.text;
  return filter.by === "all";
}

function addValue({ availability }: Row, available: number): void {
  const values = availability.peek();
  if (values.at(-1) !== available) availability.value = [...values, available].slice(-VALUES);
}
