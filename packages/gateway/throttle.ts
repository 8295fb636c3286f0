/**
 * Throttling with token buckets, as API Gateway does for accounts, stages and routes.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
 */

/** A steady rate and the number of requests that may exceed it. */
export interface Throttle {
  rate: number; // requests per second
  burst: number; // requests
}

/** A bucket of `burst` tokens that is refilled at `rate`. A request takes one token. */
export interface TokenBucket {
  /** True if a token is left. Takes none. */
  ready(now: number): boolean;
  take(): void;
}

/** Creates a full bucket; `now` is in epoch milliseconds. */
export function createBucket({ rate, burst }: Throttle, now: number): TokenBucket {
  let tokens = burst;
  let filledAt = now;
  return {
    ready(at) {
      // A clock that is set back must not drain the bucket.
      tokens = Math.min(burst, tokens + (Math.max(0, at - filledAt) / 1000) * rate);
      filledAt = at;
      return tokens >= 1;
    },
    take() {
      tokens -= 1;
    },
  };
}

/**
 * Takes one token from every bucket, or none if one is empty: a request that its route refuses must not
 * use up the account's tokens.
 */
export function admit(now: number, ...buckets: readonly TokenBucket[]): boolean {
  if (!buckets.every((bucket) => bucket.ready(now))) return false;
  for (const bucket of buckets) bucket.take();
  return true;
}
