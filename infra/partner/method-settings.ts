/** The throttles of the Partner API's stage and methods, and the cache of methods that have one. */

import { throttles } from "@stockwire/functions/api/policy";
import { CACHE_TTL } from "@stockwire/functions/partner/plan";
import { partnerRoutes } from "@stockwire/functions/partner/route";
import { nameOf } from "../http.ts";

interface Options {
  restApi: $util.Input<string>;
  stageName: $util.Input<string>;
  /** Whether the stage has a cache. */
  hasCache: boolean;
  metricsEnabled: boolean;
}

export function addMethodSettings({ restApi, stageName, hasCache, metricsEnabled }: Options): void {
  const limits = ({ rate, burst }: { rate: number; burst: number }) => ({
    throttlingRateLimit: rate,
    throttlingBurstLimit: burst,
    metricsEnabled,
  });
  const settings = (name: string, methodPath: string, given: object) =>
    new aws.apigateway.MethodSettings(`Partner${name}Settings`, {
      restApi,
      stageName,
      methodPath,
      settings: given,
    });
  settings("Stage", "*/*", limits(throttles.stage));
  for (const { routeKey, throttle, cacheKeyParameters } of partnerRoutes) {
    const isCached = hasCache && cacheKeyParameters !== undefined;
    if (!throttle && !isCached) continue;
    // A method's own settings replace all of the stage's.
    settings(nameOf(routeKey), methodPathOf(routeKey), {
      ...limits(throttle ?? throttles.stage),
      ...(isCached && {
        cachingEnabled: true,
        cacheTtlInSeconds: CACHE_TTL,
        cacheDataEncrypted: true,
        requireAuthorizationForCacheControl: true,
        unauthorizedCacheControlHeaderStrategy: "SUCCEED_WITH_RESPONSE_HEADER",
      }),
    });
  }
}

/**
 * A method as the settings of a stage name it: `GET /items/{id}` → `~1items~1{id}/GET`. The provider
 * hands it on as it is. https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
 */
function methodPathOf(routeKey: string): string {
  const [method = "", path = ""] = routeKey.split(" ");
  return `${path.replaceAll("/", "~1")}/${method}`;
}
