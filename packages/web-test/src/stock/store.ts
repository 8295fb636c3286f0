/**
 * The stock page's data: live collections of products, levels and active reservations, joined by
 * product. The screen is updated once a frame, however many changes arrive.
 */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Client, pages } from "@stockwire/client/http";
import type { CollectionChange } from "@stockwire/client/live";
import { oncePerFrame } from "../animation-frame.ts";
import type { Connection } from "../connection.ts";
import { short } from "../format.ts";
import { hasScope } from "../session.ts";
import { AvailabilityHistory } from "./availability.ts";
import { openOwners } from "./owner.ts";

const allProducts = (http: Client) => pages((query) => http.products.$get({ query }));
const allLevels = (http: Client) => pages((query) => http.inventory.$get({ query }));
const activeReservations = (http: Client) =>
  pages((query) => http.reservations.$get({ query: { ...query, status: "active" } }));

type RecordOf<L extends (http: Client) => () => Promise<{ records: unknown[] }>> = Awaited<
  ReturnType<ReturnType<L>>
>["records"][number];

type Product = RecordOf<typeof allProducts>;
type Level = RecordOf<typeof allLevels>;
export type Reservation = RecordOf<typeof activeReservations>;

/** One product. Each signal redraws only the cells that read it. */
export interface Row {
  id: string;
  product: Signal<Product>;
  level: Signal<Level | undefined>;
  reservations: Signal<readonly Reservation[]>;
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
  /** The name of a product; the end of its id if it is not in the table. */
  nameOf: (productId: string) => string;
  /** Who made a reservation, as far as it is known. */
  ownerOf: (reservationId: string) => ReadonlySignal<string | undefined>;
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
  const reservations = hasScope("reserve:inventory")
    ? live.collection<Reservation>("reservations", { load: activeReservations(http) })
    : undefined;
  const reservationIds = new Map<string, Set<string>>(); // of each product

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
      const active = activeOf(id);
      if (row) {
        row.product.value = product;
        row.level.value = level;
        if (!same(row.reservations.peek(), active)) row.reservations.value = active;
        row.availability.value = availability.get(id);
        continue;
      }
      isRowAddedOrRemoved = true;
      byId.set(id, {
        id,
        product: signal(product),
        level: signal(level),
        reservations: signal(active),
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

  const activeOf = (id: string): Reservation[] =>
    [...(reservationIds.get(id) ?? [])].flatMap((key) => reservations?.get(key) ?? []);

  products.onChange(({ id }) => drawRow(id));
  levels.onChange((change) => {
    if (change.type === "set") {
      availability.add(change.id, change.record.available, !change.previous);
    }
    drawRow(change.id);
  });
  reservations?.onChange((change: CollectionChange<Reservation>) => {
    const { id } = change;
    const record = change.type === "set" ? change.record : change.previous;
    const active = change.type === "set" && change.record.status === "active";
    for (const { productId } of record.lines) {
      const ids = reservationIds.get(productId) ?? new Set();
      if (active) ids.add(id);
      else ids.delete(id);
      reservationIds.set(productId, ids);
      drawRow(productId);
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
    loadHistory: ({ id }) => void availability.load(id).then(() => drawRow(id)),
    nameOf: (productId) => byId.get(productId)?.product.value.name ?? short(productId),
    ownerOf: openOwners(http),
    close() {
      for (const collection of [products, levels, reservations]) collection?.close();
    },
  };
}

const byName = (a: Row, b: Row) => a.product.peek().name.localeCompare(b.product.peek().name);

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((element, index) => element === b[index]);
