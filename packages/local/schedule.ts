/** A schedule of EventBridge, as far as one function that is called at a fixed rate sees it. */
export interface Schedule {
  /** Calls no more. A call under way is not waited for, nor are its failures reported. */
  stop(): void;
}

interface Options {
  everyMs: number;
  /** Learns what the function throws; the schedule goes on. */
  onError: (error: unknown) => void;
}

/** Calls `handler` at a fixed rate; a call that takes longer than the rate is not overtaken. */
export function schedule(handler: () => Promise<unknown>, { everyMs, onError }: Options): Schedule {
  let running = false;
  let stopped = false;
  const call = async () => {
    if (running) return;
    running = true;
    try {
      await handler();
    } catch (error) {
      if (!stopped) onError(error);
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void call(), everyMs);
  return {
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
