/**
 * The routes of the Partner API, derived from the policy: what a REST API needs to know about each
 * method before the app sees a request. The app does not import this module.
 */

import { type Route, routeKeyOf, routes } from "../api/policy.ts";
import type { Throttle } from "../api/route.ts";
import { modelNameOf } from "./model-name.ts";
import models from "./models.json" with { type: "json" };

/** A method of the Partner API. */
export interface PartnerRoute {
  /** As API Gateway writes it: `GET /users/{id}`. */
  routeKey: string;
  /** True if it needs neither an API key nor a token. */
  open: boolean;
  /**
   * True if the answer is a stream. It needs a token and no key: readers connect again every few
   * minutes, which must not use up their quota.
   */
  stream: boolean;
  throttle?: Throttle;
  /** The model of its body, by the content types that it has; absent for a method without a body. */
  model?: { name: string; schema: object; contentTypes: readonly string[] };
  /** Which requests share a cached answer; absent for a method that is never cached. */
  cacheKeyParameters?: readonly string[];
}

const SCHEMAS: Readonly<Record<string, object>> = models;

/** Every method of the Partner API that serves the app. */
export const partnerRoutes: readonly PartnerRoute[] = routes
  .filter(({ partner }) => partner !== "none")
  .map((route) => {
    const model = modelOf(route);
    return {
      routeKey: routeKeyOf(route),
      open: route.partner === "open",
      stream: route.events === true,
      ...(route.throttle && { throttle: route.throttle }),
      ...(model && { model }),
      ...(route.cache && { cacheKeyParameters: cacheKeyParametersOf(route) }),
    };
  });

function modelOf(route: Route): PartnerRoute["model"] {
  const name = modelNameOf(route);
  if (name === undefined) return undefined;
  const schema = SCHEMAS[name];
  if (!schema) throw new Error(`${routeKeyOf(route)}: no model ${name}; run npm run partner`);
  const patch = route.method === "PATCH" ? ["application/merge-patch+json"] : [];
  return { name, schema, contentTypes: ["application/json", ...patch] };
}

/**
 * All that can change an answer. A parameter that is missing here would give one caller the answer for
 * another request: a 304 to someone who has no copy, or a level to someone who may not read it.
 */
function cacheKeyParametersOf({ path, query, answers, cache }: Route): string[] {
  const names = Object.keys(query?.shape ?? {});
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => `method.request.path.${name}`),
    ...names.map((name) => `method.request.querystring.${name}`),
    ...(304 in answers ? ["method.request.header.If-None-Match"] : []),
    "method.request.header.Origin",
    ...(cache === "token" ? ["method.request.header.Authorization"] : []),
  ];
}
