/** A model of stock: one request after another, in memory, without failures. */

interface Line {
  productId: string;
  quantity: number;
}

/** An entry of a count; it names another product than all others. */
interface Count {
  productId: string;
  quantity: number;
  expectedQuantity?: number;
}

export type Request =
  | { verb: "create"; initialQuantity: number }
  | { verb: "delete"; productId: string }
  | {
      verb: "put";
      productId: string;
      quantity: number;
      reorderPoint?: number;
      expectedQuantity?: number;
    }
  | { verb: "count"; counts: Count[] }
  | { verb: "adjust"; productId: string; delta: number }
  | { verb: "reserve"; lines: Line[]; ttlSeconds: number }
  | { verb: "confirm" | "cancel"; id: string }
  | { verb: "extend"; id: string; ttlSeconds: number };

export type Answer =
  | { value: object | null; changed: boolean; replayed: boolean }
  | { code: string; members: object; errors: readonly object[] };

interface Level {
  quantity: number;
  reserved: number;
  reorderPoint: number;
  /** Undefined once several reservations of the product may have expired in one change. */
  version: number | undefined;
}

/** The version after a change. */
const next = (version: number | undefined) => (version === undefined ? undefined : version + 1);

interface Reservation {
  status: "active" | "confirmed" | "cancelled" | "expired";
  lines: Line[];
  until: number; // epoch ms
  version: number;
}

class Refusal extends Error {
  readonly answer: Answer;
  constructor(code: string, members: object = {}, errors: object[] = []) {
    super(code);
    this.answer = { code, members, errors };
  }
}

/** The members of a count's entry that its refusals are about. */
const REFUSED_MEMBERS: Readonly<Record<string, string>> = {
  inventory_not_found: "productId",
  stale_quantity: "expectedQuantity",
  below_reserved: "quantity",
};

export class StockModel {
  readonly levels = new Map<string, Level>();
  readonly reservations = new Map<string, Reservation>();
  readonly #answers = new Map<string, { request: string; answer: Answer }>();

  /** Returns the answer that the service must give; `newId` is the id of the record it created. */
  answer(request: Request, at: string, newId: string, key?: string): Answer {
    const stored = key === undefined ? undefined : this.#answers.get(key);
    if (stored) {
      if ("id" in request && request.verb !== "extend") this.#expireIfDue(request.id);
      if (stored.request !== JSON.stringify(request)) {
        return new Refusal("idempotency_key_reused").answer;
      }
      return { ...stored.answer, replayed: true };
    }
    try {
      const { changed, value } = this.#do(request, Date.parse(at), newId);
      const answer = { value, changed, replayed: false };
      if (key !== undefined && changed) {
        this.#answers.set(key, { request: JSON.stringify(request), answer });
      }
      return answer;
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  expireKey(key: string) {
    this.#answers.delete(key);
  }

  letExpire(id: string) {
    const reservation = this.reservations.get(id);
    if (reservation?.status === "active") reservation.until = 0;
  }

  /** Returns how many reservations it expired. */
  sweep(): number {
    return this.#expireAll([...this.reservations.keys()]);
  }

  levelOf(productId: string) {
    const { quantity, reserved, reorderPoint, version } = this.#level(productId);
    const available = quantity - reserved;
    const level = available === 0 ? "out" : available <= reorderPoint ? "low" : "ok";
    const known = version === undefined ? {} : { version };
    return { id: productId, quantity, reserved, available, reorderPoint, level, ...known };
  }

  reservationOf(id: string) {
    const { status, lines, until, version } = this.#reservation(id);
    if (status === "active" && until === 0) return { id, status: "expired", lines, version };
    // The model does not know the expiry of a reservation that a test has moved into the past.
    const expiresAt = until === 0 ? {} : { expiresAt: new Date(until).toISOString() };
    return { id, status, lines, version, ...expiresAt };
  }

  #do(request: Request, at: number, newId: string): { changed: boolean; value: object | null } {
    switch (request.verb) {
      case "create": {
        const { initialQuantity: quantity } = request;
        this.levels.set(newId, { quantity, reserved: 0, reorderPoint: 0, version: 1 });
        return { changed: true, value: { id: newId, version: 1 } };
      }
      case "delete": {
        const level = this.levels.get(request.productId);
        if (!level) throw new Refusal("product_not_found");
        if (level.reserved > 0) this.#expireDueOf([request.productId]);
        if (level.reserved > 0) throw new Refusal("has_active_reservations");
        this.levels.delete(request.productId);
        return { changed: true, value: null };
      }
      case "put":
        return this.#put(request);
      case "count":
        return this.#count(request.counts);
      case "adjust": {
        const { productId, delta } = request;
        if (this.levelOf(productId).available + delta < 0) this.#expireDueOf([productId]);
        const { available } = this.levelOf(productId);
        if (available + delta < 0) {
          const shortages = [{ productId, requested: -delta, available }];
          throw new Refusal("insufficient_stock", { shortages });
        }
        this.#move(productId, delta, 0);
        return { changed: true, value: this.levelOf(productId) };
      }
      case "reserve":
        return this.#reserve(request.lines, at + request.ttlSeconds * 1000, newId);
      case "confirm":
        return this.#close(request.id, "confirmed");
      case "cancel":
        return this.#close(request.id, "cancelled");
      case "extend":
        return this.#extend(request.id, at + request.ttlSeconds * 1000);
      default:
        return request satisfies never;
    }
  }

  #extend(id: string, end: number) {
    const reservation = this.#active(id);
    const until = Math.max(reservation.until, end);
    const changed = until !== reservation.until;
    if (changed) Object.assign(reservation, { until, version: reservation.version + 1 });
    return { changed, value: this.reservationOf(id) };
  }

  #put(request: Request & { verb: "put" }) {
    const level = this.#level(request.productId);
    const { quantity, expectedQuantity, reorderPoint = level.reorderPoint } = request;
    if (expectedQuantity !== undefined && expectedQuantity !== level.quantity) {
      const { version } = level;
      const known = version === undefined ? {} : { currentVersion: version };
      const members = { currentQuantity: level.quantity, ...known };
      throw new Refusal("stale_quantity", members);
    }
    if (quantity < level.reserved) this.#expireDueOf([request.productId]);
    if (quantity < level.reserved)
      throw new Refusal("below_reserved", { reserved: level.reserved });
    const changed = quantity !== level.quantity || reorderPoint !== level.reorderPoint;
    if (changed) Object.assign(level, { quantity, reorderPoint, version: next(level.version) });
    return { changed, value: this.levelOf(request.productId) };
  }

  /** All entries or none; what expired reservations hold of them is released first. */
  #count(counts: Count[]) {
    const refusalsOf = () =>
      counts.flatMap((entry, index) => {
        const { productId } = entry;
        const code = this.#countRefusal(entry);
        return code === undefined ? [] : [{ index, productId, code }];
      });
    const held = refusalsOf().filter(({ code }) => code === "below_reserved");
    this.#expireDueOf(held.map(({ productId }) => productId));
    const refused = refusalsOf();
    const [first] = refused;
    const errors = refused.map(({ index, code }) => ({
      pointer: `/counts/${index}/${REFUSED_MEMBERS[code]}`,
      code,
    }));
    if (first) throw new Refusal(first.code, { index: first.index, refused }, errors);
    const changes = counts.map(({ productId, quantity }) => {
      const level = this.#level(productId);
      const changed = level.quantity !== quantity;
      if (changed) Object.assign(level, { quantity, version: next(level.version) });
      return changed;
    });
    const levels = counts.map(({ productId }) => this.levelOf(productId));
    return { changed: changes.includes(true), value: { levels } };
  }

  #countRefusal({ productId, quantity, expectedQuantity }: Count) {
    const level = this.levels.get(productId);
    if (!level) return "inventory_not_found";
    if (expectedQuantity !== undefined && expectedQuantity !== level.quantity) {
      return "stale_quantity";
    }
    return quantity < level.reserved ? "below_reserved" : undefined;
  }

  #reserve(given: Line[], until: number, id: string) {
    const missing = given.findIndex(({ productId }) => !this.levels.has(productId));
    if (missing >= 0) {
      const fault = { pointer: `/lines/${missing}/productId`, code: "not_found" };
      throw new Refusal("product_not_found", {}, [fault]);
    }
    const sums = Map.groupBy(given, ({ productId }) => productId);
    const lines = [...sums].map(([productId, same]) => ({
      productId,
      quantity: same.reduce((sum, line) => sum + line.quantity, 0),
    }));
    this.#expireDueOf(this.#shortages(lines).map(({ productId }) => productId));
    const shortages = this.#shortages(lines);
    if (shortages.length > 0) throw new Refusal("insufficient_stock", { shortages });
    for (const { productId, quantity } of lines) this.#move(productId, 0, quantity);
    this.reservations.set(id, { status: "active", lines, until, version: 1 });
    return { changed: true, value: this.reservationOf(id) };
  }

  #shortages(lines: Line[]) {
    return lines.flatMap(({ productId, quantity: requested }) => {
      const { available } = this.levelOf(productId);
      return available < requested ? [{ productId, requested, available }] : [];
    });
  }

  #close(id: string, to: "confirmed" | "cancelled") {
    this.#expireIfDue(id);
    const changed = this.#reservation(id).status !== to;
    if (changed) this.#end(this.#active(id), to);
    return { changed, value: this.reservationOf(id) };
  }

  #expireDueOf(products: readonly string[]) {
    const held = [...this.reservations].filter(([, { lines }]) =>
      lines.some(({ productId }) => products.includes(productId)),
    );
    this.#expireAll(held.map(([id]) => id));
  }

  /**
   * Expires those that are due. Reservations of the same products can expire together, which is one
   * change of each inventory: how many changes it is depends on pages and shards.
   */
  #expireAll(ids: readonly string[]): number {
    const due = ids.filter((id) => this.#expireIfDue(id));
    const lines = due.flatMap((id) => this.#reservation(id).lines);
    for (const [productId, same] of Map.groupBy(lines, (line) => line.productId)) {
      const level = this.levels.get(productId);
      if (level && same.length > 1) level.version = undefined;
    }
    return due.length;
  }

  #expireIfDue(id: string): boolean {
    const reservation = this.reservations.get(id);
    if (reservation?.status !== "active" || reservation.until > 0) return false;
    this.#end(reservation, "expired");
    return true;
  }

  #end(reservation: Reservation, status: "confirmed" | "cancelled" | "expired") {
    for (const { productId, quantity } of reservation.lines) {
      this.#move(productId, status === "confirmed" ? -quantity : 0, -quantity);
    }
    Object.assign(reservation, { status, version: reservation.version + 1 });
  }

  #move(productId: string, quantity: number, reserved: number) {
    const level = this.#level(productId);
    level.quantity += quantity;
    level.reserved += reserved;
    level.version = next(level.version);
  }

  #level(productId: string): Level {
    const level = this.levels.get(productId);
    if (!level) throw new Refusal("inventory_not_found");
    return level;
  }

  #reservation(id: string): Reservation {
    const reservation = this.reservations.get(id);
    if (!reservation) throw new Refusal("reservation_not_found");
    return reservation;
  }

  #active(id: string): Reservation {
    const reservation = this.#reservation(id);
    const { status } = reservation;
    if (status === "expired" || (status === "active" && reservation.until === 0)) {
      throw new Refusal("reservation_expired");
    }
    if (status !== "active") throw new Refusal("reservation_closed");
    return reservation;
  }
}
