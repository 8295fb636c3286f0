/** Everything about the Partner API that is a number or a name. The laptop and infra read it here. */

/** The stage of the Partner API: the first segment of its paths. */
export const PARTNER_STAGE = "partner";

/** How long a token's policy and a cached answer are used, in seconds. */
export const AUTHORIZER_TTL = 300;
export const CACHE_TTL = 300;

/** What partners can buy: rates in requests per second, quotas in requests per calendar month (UTC). */
export const plans = {
  basic: { throttle: { rate: 50, burst: 100 }, quota: { limit: 1_000, period: "MONTH" } },
  production: {
    throttle: { rate: 1_000, burst: 2_000 },
    quota: { limit: 10_000, period: "MONTH" },
  },
} as const;

/** The name of a usage plan. */
export type Plan = keyof typeof plans;

/** True for the name of a usage plan. */
export const isPlan = (name: string): name is Plan => Object.hasOwn(plans, name);

/** Refuses callers from these ranges (CIDR), and admits all others; undefined for no range. */
export const resourcePolicy = (deniedRanges: readonly string[]): object | undefined =>
  deniedRanges.length === 0
    ? undefined
    : {
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Principal: "*", Action: "execute-api:Invoke", Resource: ANY_METHOD },
          {
            Effect: "Deny",
            Principal: "*",
            Action: "execute-api:Invoke",
            Resource: ANY_METHOD,
            Condition: { IpAddress: { "aws:SourceIp": deniedRanges } },
          },
        ],
      };

const ANY_METHOD = "execute-api:/*";
