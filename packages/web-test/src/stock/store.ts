import { computed, type Signal, signal } from "@preact/signals";
import type { CollectionChange } from "@stockwire/client/live";
import type { Connection } from "../connection.ts";
import { perFrame } from "../frame.ts";
import {
  activeReservations,
  allLevels,
  allProducts,
  type Level,
  type Product,
  type Reservation,
} from "../record/kind.ts";
import { may } from "../session.ts";
import { Trails } from "./trail.ts";

/** One product with its level, each part of which changes on screen by itself. */
export interface Row {
  id: string;
  product: Signal<Product>;
  level: Signal<Level | undefined>;
  holds: Signal<readonly Reservation[]>;
  /** What was available, oldest first. */
  trail: Signal<readonly number[]>;
}

export interface Stock {
  rows: Signal<readonly Row[]>;
  totals: Signal<{ out: number; low: number; ok: number }>;
  ready: Signal<boolean>;
  /** Why there is nothing to see. */
  failure: Signal<unknown>;
  /** Fetches what moved a product before the page was opened. */
  recall: (row: Row) => void;
  close: () => void;
}

/** Live maps of products, levels and active reservations, joined; drawn once a frame. */
export function openStock({ http, live }: Connection): Stock {
  const rows = signal<readonly Row[]>([]);
  const ready = signal(false);
  const failure = signal<unknown>();
  const byId = new Map<string, Row>();
  const dirty = new Set<string>();
  const trails = new Trails(http);

  const products = live.collection<Product>("products", { load: allProducts(http) });
  const levels = live.collection<Level>("inventory", { load: allLevels(http) });
  const holds = may("reserve:inventory")
    ? live.collection<Reservation>("reservations", { load: activeReservations(http) })
    : undefined;
  const held = new Map<string, Set<string>>(); // product → reservations

  const draw = perFrame(() => {
    let moved = false;
    for (const id of dirty) {
      const product = products.get(id);
      const row = byId.get(id);
      if (!product) {
        moved = byId.delete(id) || moved;
        continue;
      }
      const level = levels.get(id);
      const active = activeOf(id);
      if (row) {
        row.product.value = product;
        row.level.value = level;
        if (!same(row.holds.peek(), active)) row.holds.value = active;
        row.trail.value = trails.of(id);
        continue;
      }
      moved = true;
      byId.set(id, {
        id,
        product: signal(product),
        level: signal(level),
        holds: signal(active),
        trail: signal(trails.of(id)),
      });
    }
    dirty.clear();
    if (moved) rows.value = [...byId.values()].toSorted(byName);
  });

  const touch = (id: string) => {
    dirty.add(id);
    draw();
  };

  const activeOf = (id: string): Reservation[] =>
    [...(held.get(id) ?? [])].flatMap((one) => holds?.get(one) ?? []);

  products.onChange(({ id }) => touch(id));
  levels.onChange((change) => {
    if (change.type === "set") trails.add(change.id, change.record, change.previous);
    touch(change.id);
  });
  holds?.onChange((change: CollectionChange<Reservation>) => {
    const { id } = change;
    const record = change.type === "set" ? change.record : change.previous;
    const active = change.type === "set" && change.record.status === "active";
    for (const { productId } of record.lines) {
      const ids = held.get(productId) ?? new Set();
      if (active) ids.add(id);
      else ids.delete(id);
      held.set(productId, ids);
      touch(productId);
    }
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
    recall: ({ id }) => void trails.recall(id).then(() => touch(id)),
    close() {
      for (const each of [products, levels, holds]) each?.close();
    },
  };
}

const byName = (a: Row, b: Row) => a.product.peek().name.localeCompare(b.product.peek().name);

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((one, at) => one === b[at]);
