/**
 * Lets poll loops sleep until another part of the process wakes them, or a timeout passes. A wake-up
 * between reading `count` and calling `wait` is not lost.
 */
export interface WakeSignal {
  /** The number of calls of `notify` so far. */
  readonly count: number;
  /** Wakes all waiting loops. */
  notify(): void;
  /** Resolves once `count` differs from `since`, and after `ms` milliseconds at the latest. */
  wait(since: number, ms: number): Promise<void>;
}

export function createWakeSignal(): WakeSignal {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    notify() {
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
