/** Values by the minute, for charts of the last half hour. */

const MINUTE = 60_000; // ms
const KEPT = 30; // minutes
const MOST = 1_000; // samples of a minute; beyond, each new one replaces another

interface Minute {
  /** Epoch minutes. */
  number: number;
  count: number;
  samples: number[];
}

export class Minutes {
  readonly #minutes: Minute[] = [];

  /** Counts one event at `time` (epoch ms), with a value to take the median of. */
  add(time: number, value?: number): void {
    const minute = this.#at(Math.floor(time / MINUTE));
    if (!minute) return;
    minute.count++;
    if (value === undefined) return;
    const { samples } = minute;
    if (samples.length < MOST) samples.push(value);
    else samples[minute.count % MOST] = value;
  }

  /** Events of each of the last 30 minutes, oldest first; the last one is the present minute. */
  counts(now: number): number[] {
    return this.#last(now).map((minute) => minute?.count ?? 0);
  }

  /** The median of each minute; 0 for a minute without a value. */
  medians(now: number): number[] {
    return this.#last(now).map((minute) => median(minute?.samples ?? []));
  }

  #last(now: number): (Minute | undefined)[] {
    const present = Math.floor(now / MINUTE);
    const byNumber = new Map(this.#minutes.map((minute) => [minute.number, minute]));
    return Array.from({ length: KEPT }, (_, index) => byNumber.get(present - KEPT + 1 + index));
  }

  /** The minute of a number; undefined if it is too old to be kept. */
  #at(number: number): Minute | undefined {
    const found = this.#minutes.find((minute) => minute.number === number);
    if (found) return found;
    const newest = this.#minutes.at(-1)?.number ?? number;
    if (number <= newest - KEPT) return undefined;
    const minute: Minute = { number, count: 0, samples: [] };
    this.#minutes.push(minute);
    this.#minutes.sort((a, b) => a.number - b.number);
    while (this.#minutes.length > KEPT) this.#minutes.shift();
    return minute;
  }
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.floor(ordered.length / 2)] ?? 0;
}
