/**
 * The cache of a stage: answers of GET methods, by the parameters that the method names. A parameter
 * that is not named does not tell answers apart, as on AWS.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
 */

import { createCache } from "../cache.ts";
import type { GatewayRequest } from "../request.ts";
import type { RestResponse } from "./response.ts";

/** How the answers of one GET method are cached. */
export interface CacheConfig {
  /** Seconds, 0 to 3600. Default: 300. */
  ttl?: number;
  /** Such as `method.request.querystring.limit`; `path` and `header` likewise. */
  keyParameters?: readonly string[];
  /** Whether `Cache-Control: max-age=0` needs the right to invalidate. Default: true. */
  requireAuthorization?: boolean;
  /** What happens without that right. Default: `SUCCEED_WITH_RESPONSE_HEADER`. */
  unauthorized?:
    | "FAIL_WITH_403"
    | "SUCCEED_WITH_RESPONSE_HEADER"
    | "SUCCEED_WITHOUT_RESPONSE_HEADER";
}

/** The cached answers of one method. */
export interface ResponseCache {
  /** The key of a request. */
  keyOf(
    request: GatewayRequest,
    pathParameters: Readonly<Record<string, string>> | undefined,
  ): string;
  get(key: string): RestResponse | undefined;
  /** Keeps an answer, unless it is an error of the server or too large. */
  set(key: string, response: RestResponse): void;
  readonly config: Required<CacheConfig>;
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const MAX_TTL = 3600; // seconds
const MAX_BODY = 1_048_576; // bytes
const ENTRIES = 1000; // of one method
const PARAMETER = /^method\.request\.(header|path|querystring)\.(.+)$/;

/** Creates the cache of a method. Throws for a configuration that AWS refuses. */
export function createResponseCache(
  routeKey: string,
  { ttl = 300, keyParameters = [], ...rest }: CacheConfig,
  clock: () => number,
): ResponseCache {
  if (!routeKey.startsWith("GET ")) throw new Error(`${routeKey}: only GET can be cached`);
  if (!(ttl >= 0 && ttl <= MAX_TTL)) {
    throw new Error(`${routeKey}: the ttl of its cache must be 0 to ${MAX_TTL} seconds`);
  }
  const seen = new Set<string>();
  const parameters = keyParameters.map((key) => {
    const [, where = "", name = ""] = PARAMETER.exec(key) ?? [];
    if (name === "") throw new Error(`${routeKey}: ${key} is not a cache key parameter`);
    if (seen.has(key)) throw new Error(`${routeKey}: cache key parameter ${key} is given twice`);
    seen.add(key);
    return { where, name };
  });
  const entries = createCache<{ response: RestResponse; expiresAt: number }>(ENTRIES);
  return {
    config: {
      ttl,
      keyParameters,
      requireAuthorization: rest.requireAuthorization ?? true,
      unauthorized: rest.unauthorized ?? "SUCCEED_WITH_RESPONSE_HEADER",
    },
    keyOf({ headers, query }, pathParameters = {}) {
      const values = parameters.map(({ where, name }) => {
        if (where === "header") return headers.get(name.toLowerCase()) ?? null;
        if (where === "path") return pathParameters[name] ?? null;
        return query.filter(([key]) => key === name).map(([, value]) => value);
      });
      return JSON.stringify(values);
    },
    get(key) {
      const entry = entries.get(key);
      return entry && entry.expiresAt > clock() ? entry.response : undefined;
    },
    set(key, response) {
      if (ttl === 0 || response.status >= 500 || response.body.length > MAX_BODY) return;
      entries.set(key, { response, expiresAt: clock() + ttl * 1000 });
    },
  };
}

/** True if a client asks for a fresh answer. */
export const wantsFresh = ({ headers }: GatewayRequest): boolean =>
  /(?:^|,)\s*max-age=0\s*(?:,|$)/i.test(headers.get("cache-control") ?? "");
