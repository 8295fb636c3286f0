/** Lets loops sleep until something happens or time is up. */
export interface Pulse {
  /** Changes with each beat. */
  readonly count: number;
  beat(): void;
  /** Resolves at the next beat after `since`, a former count, and after `ms` at the latest. */
  wait(since: number, ms: number): Promise<void>;
}

export function createPulse(): Pulse {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    beat() {
      count++;
      for (const wake of waiting) wake();
    },
    wait(since, ms) {
      if (count !== since) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        waiting.add(wake);
      });
    },
  };
}
