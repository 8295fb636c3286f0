import { type Client, unwrap } from "@stockwire/client/http";
import type { Level } from "../record/kind.ts";
import { may } from "../session.ts";

const KEPT = 24;
const AT_ONCE = 3;

/** What was available of each product lately, oldest first. */
export class Trails {
  readonly #http: Client;
  readonly #points = new Map<string, number[]>();
  readonly #asked = new Set<string>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(http: Client) {
    this.#http = http;
  }

  of = (id: string): readonly number[] => [...(this.#points.get(id) ?? [])];

  add(id: string, { available }: Level, previous: Level | undefined): void {
    const points = this.#points.get(id) ?? [];
    if (points.at(-1) === available && previous) return;
    this.#points.set(id, [...points, available].slice(-KEPT));
  }

  /** Puts in front what the history tells of the time before. */
  async recall(id: string): Promise<void> {
    if (this.#asked.has(id) || !may("read:history")) return;
    this.#asked.add(id);
    if (this.#running >= AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running++;
    try {
      const query = { limit: String(KEPT) };
      const answer = this.#http.inventory[":productId"].history.$get({
        param: { productId: id },
        query,
      });
      const { items } = await unwrap(answer);
      const told = items.flatMap(({ data }) => {
        const available = data?.["available"];
        return typeof available === "number" ? [available] : [];
      });
      const now = this.#points.get(id) ?? [];
      const before = told.toReversed();
      const known = before.lastIndexOf(now[0] ?? -1);
      const older = known < 0 ? before : before.slice(0, known);
      this.#points.set(id, [...older, ...now].slice(-KEPT));
    } catch {
      // a sparkline without a past is still right
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}
