/** Generates random programs: requests of clients, and faults. */

import fc from "fast-check";
import { newId } from "../../src/id.ts";
import type { Fault } from "../support/fault-proxy.ts";
import type { Request } from "./stock-model.ts";

/** A request that names products and reservations by number, since ids are not known yet. */
export type Wish =
  | { verb: "create"; quantity: number }
  | { verb: "delete"; product: number }
  | { verb: "put"; product: number; quantity: number; reorderPoint?: number; expects: Expects }
  | { verb: "count"; counts: { product: number; quantity: number }[]; expects: Expects }
  | { verb: "adjust"; product: number; delta: number }
  | { verb: "reserve"; lines: { product: number; quantity: number }[]; ttlSeconds: number }
  | { verb: "confirm" | "cancel"; reservation: number }
  | { verb: "extend"; reservation: number; ttlSeconds: number };
type Expects = "anything" | "current" | "other";

interface Known {
  products: readonly string[];
  reservations: readonly string[];
  quantityOf(productId: string): Promise<number> | number;
}

export const nth = <T>(list: readonly T[], n: number): T | undefined => list[n % list.length];

/** Returns the request; undefined if it is about a reservation and there is none. */
export async function requestOf(wish: Wish, known: Known): Promise<Request | undefined> {
  const productOf = (n: number) => nth(known.products, n) ?? newId();
  switch (wish.verb) {
    case "create":
      return { verb: "create", initialQuantity: wish.quantity };
    case "reserve": {
      const { lines, ...rest } = wish;
      return {
        ...rest,
        lines: lines.map(({ product, quantity }) => ({ productId: productOf(product), quantity })),
      };
    }
    case "delete":
      return { verb: "delete", productId: productOf(wish.product) };
    case "adjust":
      return { verb: "adjust", productId: productOf(wish.product), delta: wish.delta };
    case "count": {
      const { verb, counts, expects } = wish;
      const products = new Map(counts.map((each) => [productOf(each.product), each.quantity]));
      const entries = [...products].map(async ([productId, counted]) => {
        if (expects === "anything") return { productId, quantity: counted };
        const onHand = await known.quantityOf(productId);
        const expectedQuantity = expects === "current" ? onHand : onHand + 1;
        return { productId, quantity: counted, expectedQuantity };
      });
      return { verb, counts: await Promise.all(entries) };
    }
    case "put": {
      const { product, expects, ...level } = wish;
      const productId = productOf(product);
      if (expects === "anything") return { ...level, productId };
      const quantity = await known.quantityOf(productId);
      const expectedQuantity = expects === "current" ? quantity : quantity + 1;
      return { ...level, productId, expectedQuantity };
    }
    default: {
      const { reservation, ...rest } = wish;
      const id = nth(known.reservations, reservation);
      return id === undefined ? undefined : { ...rest, id };
    }
  }
}

const a = <V extends string>(name: V) => fc.constant(name);
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const oneOf = <T>(...of: { weight: number; arbitrary: fc.Arbitrary<T> }[]): fc.Arbitrary<T> =>
  fc.oneof(...of);

const product = fc.nat({ max: 3 });
const reservation = fc.nat({ max: 7 });
const quantity = fc.nat({ max: 9 });
const units = fc.integer({ min: 1, max: 4 });
const ttlSeconds = fc.constantFrom(900, 3_600, 86_400);
const lines = fc.array(fc.record({ product, quantity: units }), { minLength: 1, maxLength: 3 });
const delta = fc.integer({ min: -4, max: 6 }).filter((n) => n !== 0);
const expects = fc.constantFrom<Expects>("anything", "current", "other");
const level = { verb: a("put"), product, quantity, expects };
const counts = fc.array(fc.record({ product, quantity }), { minLength: 1, maxLength: 4 });

const wish = oneOf<Wish>(
  weighted(6, fc.record({ verb: a("reserve"), lines, ttlSeconds })),
  weighted(3, fc.record({ verb: a("confirm"), reservation })),
  weighted(2, fc.record({ verb: a("cancel"), reservation })),
  weighted(2, fc.record({ verb: a("extend"), reservation, ttlSeconds })),
  weighted(3, fc.record({ verb: a("adjust"), product, delta })),
  weighted(1, fc.record(level)),
  weighted(2, fc.record({ ...level, reorderPoint: quantity })),
  weighted(2, fc.record({ verb: a("count"), counts, expects })),
  weighted(1, fc.record({ verb: a("delete"), product })),
);

export const stocks = fc.array(quantity, { minLength: 1, maxLength: 3 });

/**
 * One step of a program. `repeat` and `reuse` send an earlier key again, with the same or another
 * request; `expire-key` is what TTL does to it; `expire` moves a reservation into the past.
 */
export type Step =
  | { act: "request"; wish: Wish; keyed: boolean }
  | { act: "repeat" | "reuse" | "expire-key" | "expire"; which: number }
  | { act: "sweep" };

const which = fc.nat({ max: 20 });
const creation = fc.record({ verb: a("create"), quantity });
export const program = fc.array(
  oneOf<Step>(
    weighted(14, fc.record({ act: a("request"), wish, keyed: fc.boolean() })),
    weighted(1, fc.record({ act: a("request"), wish: creation, keyed: fc.boolean() })),
    weighted(1, fc.record({ act: fc.constantFrom("repeat", "reuse", "expire-key"), which })),
    weighted(2, fc.record({ act: a("repeat"), which })),
    weighted(3, fc.record({ act: a("expire"), which })),
    weighted(1, fc.record({ act: a("sweep") })),
  ),
  { minLength: 10, maxLength: 40, size: "max" },
);

/** The program of a client. Calls after the last of `faults` have none. */
export interface Client {
  faults: Fault[];
  lastCall: number | undefined; // the call after which the process crashes
  does: ClientStep[];
}
type ClientStep =
  | { act: "request"; wish: Wish; after: "nothing" | "repeat" | "expire-key" }
  | { act: "expire" | "expire-lines"; reservation: number }
  | { act: "sweep" };

const after = fc.constantFrom("nothing", "repeat", "expire-key");
const fault = oneOf<Fault>(
  weighted(8, a("none")),
  weighted(1, fc.constantFrom("lost-reply", "server-error", "applied-server-error")),
);
const clientStep = oneOf<ClientStep>(
  weighted(14, fc.record({ act: a("request"), wish, after })),
  weighted(3, fc.record({ act: a("expire"), reservation })),
  weighted(1, fc.record({ act: a("expire-lines"), reservation })),
  weighted(1, fc.record({ act: a("sweep") })),
);
export const clients = (maxLength: number): fc.Arbitrary<Client[]> =>
  fc.array(
    fc.record({
      faults: fc.array(fault, { maxLength: 40, size: "max" }),
      lastCall: fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
      does: fc.array(clientStep, { minLength: 4, maxLength: 12, size: "max" }),
    }),
    { minLength: 2, maxLength, size: "max" },
  );
