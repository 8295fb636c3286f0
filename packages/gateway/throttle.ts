/** Steady requests a second and how many may come at once. */
export interface Throttle {
  rate: number; // requests per second
  burst: number; // requests
}

/**
 * A token bucket, the throttle of API Gateway:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
 */
export interface TokenBucket {
  /** Whether a request may pass now; takes nothing. */
  ready(now: number): boolean;
  take(): void;
}

/** Makes a full bucket; `now` is in epoch milliseconds. */
export function createBucket({ rate, burst }: Throttle, now: number): TokenBucket {
  let tokens = burst;
  let filledAt = now;
  return {
    ready(at) {
      // A clock that steps back must not drain the bucket.
      tokens = Math.min(burst, tokens + (Math.max(0, at - filledAt) / 1000) * rate);
      filledAt = at;
      return tokens >= 1;
    },
    take() {
      tokens -= 1;
    },
  };
}

/** Takes one token from every bucket, or from none when one of them is empty. */
export function admit(buckets: readonly TokenBucket[], now: number): boolean {
  if (!buckets.every((bucket) => bucket.ready(now))) return false;
  for (const bucket of buckets) bucket.take();
  return true;
}
