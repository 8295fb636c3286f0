/** The stock of a product over time, from the history of its level. */

/** A level from `at` (epoch ms) until the next point. */
export interface LevelPoint {
  at: number;
  version: number;
  quantity: number;
  available: number;
}

/** What is read of a change of an inventory level. */
interface LevelChange {
  op: string;
  at: string;
  version: number;
  data?: Readonly<Record<string, unknown>> | undefined;
}

const numberIn = (data: LevelChange["data"], name: string): number | undefined => {
  const value = data?.[name];
  return typeof value === "number" ? value : undefined;
};

/** The point of a change; undefined for one that was too large to be kept whole. */
export function pointOf({ op, at, version, data }: LevelChange): LevelPoint | undefined {
  const time = Date.parse(at);
  if (op === "delete") return { at: time, version, quantity: 0, available: 0 };
  const [quantity, available] = [numberIn(data, "quantity"), numberIn(data, "available")];
  if (quantity === undefined || available === undefined) return undefined;
  return { at: time, version, quantity, available };
}

/**
 * The points in the order of their versions, each version once. Times of requests that overlap can
 * go back: there a point takes the time of the one before it.
 */
export function seriesOf(points: readonly LevelPoint[]): LevelPoint[] {
  const byVersion = new Map(points.map((point) => [point.version, point]));
  const ordered = [...byVersion.values()].toSorted((a, b) => a.version - b.version);
  let latest = -Infinity;
  return ordered.map((point) => {
    latest = Math.max(latest, point.at);
    return { ...point, at: latest };
  });
}
