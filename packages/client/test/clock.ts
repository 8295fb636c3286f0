/** A clock for `Timers`. Its time passes only in `advance`, so tests with waits are exact and fast. */
export class Clock {
  #now = 1_700_000_000_000;
  #count = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();

  setTimeout = (run: () => void, ms: number): number => {
    this.#timers.set(++this.#count, { at: this.#now + ms, run });
    return this.#count;
  };
  clearTimeout = (timer: unknown): void => void this.#timers.delete(timer as number);
  now = (): number => this.#now;

  /** The number of timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Passes some ms and runs the due timers in order; `settle` awaits the effects of each. */
  async advance(ms: number, settle: () => Promise<void> = turn): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].toSorted(([, a], [, b]) => a.at - b.at);
      if (next === undefined || next[1].at > end) break;
      const [id, { at, run }] = next;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      run();
    }
    this.#now = end;
    await settle();
  }
}

/** Resolves after all promises and immediates that are ready now. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits in real time, up to 5 s, until a condition holds. */
export async function until(holds: () => boolean, what = "The condition"): Promise<void> {
  const end = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what} did not hold in time`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
