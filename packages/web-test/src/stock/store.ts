/**
 * The stock page's data: live collections of products and levels, joined by product. The screen is updated once a frame, however many changes arrive.
 */

import { computed, type Signal, signal } from "@preact/signals";
import { type Client, pages } from "@stockwire/client/http";
import { oncePerFrame } from "../animation-frame.ts";
import type { Connection } from "../connection.ts";
import { AvailabilityHistory } from "./availability.ts";

const allProducts = (http: Client) => pages((query) => http.products.$get({ query }));
const allLevels = (http: Client) => pages((query) => http.inventory.$get({ query }));

type RecordOf<L extends (http: Client) => () => Promise<{ records: unknown[] }>> = Awaited<
  ReturnType<ReturnType<L>>
>["records"][number];

type Product = RecordOf<typeof allProducts>;
type Level = RecordOf<typeof allLevels>;

/** One product. Each signal redraws only the cells that read it. */
export interface Row {
  id: string;
  product: Signal<Product>;
  level: Signal<Level | undefined>;
  /** The latest values of `available`, oldest first. */
  availability: Signal<readonly number[]>;
}

export interface Stock {
  rows: Signal<readonly Row[]>;
  totals: Signal<{ out: number; low: number; ok: number }>;
  ready: Signal<boolean>;
  /** The error if products or levels can't be read. */
  failure: Signal<unknown>;
  /** Fetches the values of `available` from before the page was opened. */
  loadHistory: (row: Row) => void;
  close: () => void;
}

export function openStock({ http, live }: Connection): Stock {
  const rows = signal<readonly Row[]>([]);
  const ready = signal(false);
  const failure = signal<unknown>();
  const byId = new Map<string, Row>();
  const changed = new Set<string>(); // products to draw
  const availability = new AvailabilityHistory(http);

  const products = live.collection<Product>("products", { load: allProducts(http) });
  const levels = live.collection<Level>("inventory", { load: allLevels(http) });

  const draw = oncePerFrame(() => {
    let isRowAddedOrRemoved = false;
    for (const id of changed) {
      const product = products.get(id);
      const row = byId.get(id);
      if (!product) {
        isRowAddedOrRemoved = byId.delete(id) || isRowAddedOrRemoved;
        continue;
      }
      const level = levels.get(id);
      if (row) {
        row.product.value = product;
        row.level.value = level;
        row.availability.value = availability.get(id);
        continue;
      }
      isRowAddedOrRemoved = true;
      byId.set(id, {
        id,
        product: signal(product),
        level: signal(level),
        availability: signal(availability.get(id)),
      });
    }
    changed.clear();
    if (isRowAddedOrRemoved) rows.value = [...byId.values()].toSorted(byName);
  });

  const drawRow = (id: string) => {
    changed.add(id);
    draw();
  };

  products.onChange(({ id }) => drawRow(id));
  levels.onChange((change) => {
    if (change.type === "set") {
      availability.add(change.id, change.record.available, !change.previous);
    }
    drawRow(change.id);
  });
  const done = Promise.all([products.ready, levels.ready]);
  done.then(
    () => (ready.value = true),
    (error: unknown) => (failure.value = error),
  );

  return {
    rows,
    ready,
    failure,
    totals: computed(() => {
      const totals = { out: 0, low: 0, ok: 0 };
      for (const { level } of rows.value) totals[level.value?.level ?? "out"]++;
      return totals;
    }),
    loadHistory: ({ id }) => void availability.load(id).then(() => drawRow(id)),
    close() {
      products.close();
      levels.close();
    },
  };
}

const byName = (a: Row, b: Row) => a.product.peek().name.localeCompare(b.product.peek().name);
