/**
 * The concurrent executions of an AWS account: invocations in progress of all functions together. The
 * Lambda service refuses more, so that a process with too little CPU has no ever longer queue.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */

/** A number of invocations that may be in progress. APIs that are given the same one share it. */
export interface Concurrency {
  /** Counts an invocation until the function returned is called. Undefined if there are too many. */
  acquire(): (() => void) | undefined;
}

/** Creates a limit. Default: 1 000, which an account has by default. */
export function createConcurrency(limit = 1_000): Concurrency {
  let inProgress = 0;
  return {
    acquire() {
      if (inProgress >= limit) return undefined;
      inProgress++;
      let isHeld = true;
      return () => {
        if (isHeld) inProgress--;
        isHeld = false;
      };
    },
  };
}
