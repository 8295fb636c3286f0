/**
 * Usage plans: a key belongs to a plan of a stage, and the plan limits its rate and counts its requests
 * in a period. AWS applies both on a best-effort basis; here they are exact.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
 */

import { type Throttle, type TokenBucket, createBucket } from "../throttle.ts";
import type { ApiKeyConfig } from "./api-key.ts";
import { type UsageStore, createUsageMemory } from "./usage.ts";

/** A usage plan. */
export interface UsagePlanConfig {
  /** Default: its place in the list, from 1. */
  name?: string;
  /** Ids of the keys. Keys can name their plans themselves, too. */
  keys?: readonly string[];
  /** Names of the stages that the plan admits to. */
  stages: readonly string[];
  /** For each key. */
  throttle?: Throttle;
  /** For each key and route, instead of `throttle`; by route key. */
  methodThrottles?: Readonly<Record<string, Throttle>>;
  /** For each key: requests in a calendar day, week (from Sunday) or month, in UTC. */
  quota?: { limit: number; period: "DAY" | "WEEK" | "MONTH" };
}

/** The admission of a key to one route. */
export interface Admission {
  /** To be taken together with those of the route and the account. */
  buckets: readonly TokenBucket[];
  /** True if no request is left in this period. */
  exhausted(): boolean;
  /** Counts one request. The promise is fulfilled when that is stored. */
  count(): Promise<void>;
}

/** The plans of one stage. */
export interface UsagePlans {
  /** Undefined if no plan of the stage has the key. */
  admission(key: ApiKeyConfig, routeKey: string): Admission | undefined;
}

/** Creates the plans. Throws for a configuration that AWS refuses. */
export function createUsagePlans(
  plans: readonly UsagePlanConfig[],
  stage: string,
  clock: () => number,
  usage: UsageStore = createUsageMemory(),
): UsagePlans {
  const names = new Set<string>();
  const ofStage = plans
    .map((plan, at) => ({ ...plan, name: plan.name ?? String(at + 1) }))
    .filter((plan) => {
      check(plan);
      if (names.has(plan.name)) throw new Error(`usage plan ${plan.name} is given twice`);
      names.add(plan.name);
      return plan.stages.includes(stage);
    });
  const buckets = new Map<string, TokenBucket>();
  const bucketOf = (id: string, throttle: Throttle): TokenBucket => {
    const known = buckets.get(id);
    if (known) return known;
    const created = createBucket(throttle, clock());
    buckets.set(id, created);
    return created;
  };
  return {
    admission(key, routeKey) {
      const plan = ofStage.find(
        ({ name, keys = [] }) => keys.includes(key.id) || key.plans?.includes(name),
      );
      if (!plan) return undefined;
      const { name, throttle, methodThrottles = {}, quota } = plan;
      const own = Object.hasOwn(methodThrottles, routeKey) ? methodThrottles[routeKey] : undefined;
      const applied = own ?? throttle;
      const id = JSON.stringify([name, key.id, own && routeKey]);
      return {
        buckets: applied ? [bucketOf(id, applied)] : [],
        exhausted: () =>
          quota !== undefined &&
          usage.since(name, key.id, periodStart(quota.period, clock())) >= quota.limit,
        count: () => usage.add(name, key.id, dayOf(clock())),
      };
    },
  };
}

function check({
  name,
  throttle,
  methodThrottles = {},
  quota,
}: UsagePlanConfig & { name: string }) {
  for (const each of [throttle, ...Object.values(methodThrottles)]) {
    if (each && !(each.rate >= 0 && each.burst >= 0)) {
      throw new Error(`usage plan ${name}: rate and burst must not be negative`);
    }
  }
  if (quota && !(Number.isInteger(quota.limit) && quota.limit >= 0)) {
    throw new Error(`usage plan ${name}: the limit of a quota must be a whole number`);
  }
  if (quota && !["DAY", "WEEK", "MONTH"].includes(quota.period)) {
    throw new Error(`usage plan ${name}: the period of a quota must be DAY, WEEK or MONTH`);
  }
  if (quota && "offset" in quota) {
    throw new Error(`usage plan ${name}: quota.offset is not supported`);
  }
}

const DAY = 24 * 60 * 60 * 1000; // ms
/** The last result of `dayOf`, which is asked for the same day again and again. */
let last = { day: Number.NaN, text: "" };

/** The date of a time in UTC, such as `2026-01-31`. */
export function dayOf(at: number): string {
  const day = Math.floor(at / DAY);
  if (day !== last.day) last = { day, text: new Date(at).toISOString().slice(0, 10) };
  return last.text;
}

/** The first day of the period that contains a time, in UTC. */
export function periodStart(period: "DAY" | "WEEK" | "MONTH", at: number): string {
  const day = dayOf(at);
  if (period === "MONTH") return `${day.slice(0, 8)}01`;
  if (period === "DAY") return day;
  return dayOf(at - new Date(at).getUTCDay() * DAY);
}
