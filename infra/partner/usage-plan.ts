/** The plans of the Partner API, with a first key each. `npm run keys` adds and rotates keys. */

import { plans } from "@stockwire/functions/partner/plan";
import { nameOf } from "../http.ts";

interface Options {
  /** Before the names of plans and keys. `npm run keys` finds the plans of a stage by it. */
  prefix: string;
  restApi: $util.Input<string>;
  stageName: $util.Input<string>;
}

/** Creates the plans. Returns the ids of the keys, such as `basic: a1b2c3`. */
export function addUsagePlans({ prefix, restApi, stageName }: Options): $util.Output<string>[] {
  return Object.entries(plans).map(([plan, { throttle, quota }]) => {
    const name = nameOf(plan);
    const { id: usagePlanId } = new aws.apigateway.UsagePlan(`Partner${name}Plan`, {
      name: `${prefix}-${plan}`,
      apiStages: [{ apiId: restApi, stage: stageName }],
      throttleSettings: { rateLimit: throttle.rate, burstLimit: throttle.burst },
      quotaSettings: { ...quota },
    });
    const { id: keyId } = new aws.apigateway.ApiKey(`Partner${name}Key`, {
      name: `${prefix}-${plan}`,
      description: `The first key of plan ${plan}`,
    });
    new aws.apigateway.UsagePlanKey(`Partner${name}PlanKey`, {
      usagePlanId,
      keyId,
      keyType: "API_KEY",
    });
    return $interpolate`${plan}: ${keyId}`;
  });
}
