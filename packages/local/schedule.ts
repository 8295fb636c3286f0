/**
 * A rate-based schedule of Amazon EventBridge, for one function in this process.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
 */
export interface Schedule {
  /** Starts no further call. Does not wait for a call in progress, whose failure is ignored. */
  stop(): void;
}

interface Options {
  everyMs: number;
  /** Receives what `handler` throws. The schedule continues. */
  onError: (error: unknown) => void;
}

/** Calls `handler` at a fixed rate, and skips a call while the previous one is still running. */
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
