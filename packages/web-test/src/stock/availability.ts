import { type Client, unwrap } from "@stockwire/client/http";
import { hasScope } from "../session.ts";

const KEPT = 24; // values of a product
const PARALLEL = 3; // requests

/** The values that `available` of each product had lately, oldest first, for the sparklines. */
export class AvailabilityHistory {
  readonly #http: Client;
  readonly #values = new Map<string, readonly number[]>();
  readonly #loaded = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(http: Client) {
    this.#http = http;
  }

  get(id: string): readonly number[] {
    return this.#values.get(id) ?? [];
  }

  /** Adds the value of a new level, unless it equals the one before. */
  add(id: string, available: number, isFirst: boolean): void {
    const values = this.get(id);
    if (values.at(-1) === available && !isFirst) return;
    this.#values.set(id, [...values, available].slice(-KEPT));
  }

  /** Puts the values of the product's history before those that `add` brought. Runs once a product. */
  async load(id: string): Promise<void> {
    if (this.#loaded.has(id) || !hasScope("read:history")) return;
    this.#loaded.add(id);
    if (this.#running >= PARALLEL) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running++;
    try {
      const older = await this.#fetch(id);
      const added = this.get(id);
      // The history may already hold the first value that was added.
      const overlap = older.lastIndexOf(added[0] ?? -1);
      const before = overlap < 0 ? older : older.slice(0, overlap);
      this.#values.set(id, [...before, ...added].slice(-KEPT));
    } catch {
      // Without its history a sparkline starts with the values that were added.
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #fetch(productId: string): Promise<number[]> {
    const { history } = this.#http.inventory[":productId"];
    const query = { limit: String(KEPT) };
    const { items } = await unwrap(history.$get({ param: { productId }, query }));
    const values = items.flatMap(({ data }) => {
      const available = data?.["available"];
      return typeof available === "number" ? [available] : [];
    });
    return values.toReversed();
  }
}
