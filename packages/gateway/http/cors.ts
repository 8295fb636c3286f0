/**
 * CORS of HTTP APIs. With a CORS configuration the gateway answers preflight requests itself and
 * replaces the CORS headers of the integration. Without one it adds nothing.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */

import type { HeaderList } from "../header.ts";
import type { GatewayRequest } from "../request.ts";
import type { HttpResponse } from "../response.ts";

/** The configuration, with AWS's names. */
export interface CorsConfig {
  /** Exact origins, `https://*`, `http://*` or `*`. */
  allowOrigins: readonly string[];
  allowMethods?: readonly string[];
  allowHeaders?: readonly string[];
  exposeHeaders?: readonly string[];
  maxAge?: number; // seconds
  allowCredentials?: boolean;
}

/** CORS of one API. */
export interface Cors {
  /** The response to a preflight request; undefined if the request is not a preflight. */
  preflight(request: GatewayRequest): HttpResponse | undefined;
  /** Replaces the CORS headers of a response, also of the gateway's own errors. */
  apply(response: HttpResponse, origin: string | undefined): HttpResponse;
}

/** Throws if credentials are allowed for every origin, which AWS refuses. */
export function createCors(config: CorsConfig): Cors {
  const origins = new Set(config.allowOrigins);
  const any = origins.has("*");
  if (any && config.allowCredentials) {
    throw new Error("CORS: allowCredentials needs origins by name, not *");
  }
  const isAllowed = (origin: string) =>
    any ||
    origins.has(origin) ||
    (origins.has("https://*") && origin.startsWith("https://")) ||
    (origins.has("http://*") && origin.startsWith("http://"));
  const credentials: HeaderList = config.allowCredentials
    ? [["access-control-allow-credentials", "true"]]
    : [];
  const preflightOnly = [
    ...listHeader("access-control-allow-methods", config.allowMethods),
    ...listHeader("access-control-allow-headers", config.allowHeaders),
    ...listHeader(
      "access-control-max-age",
      config.maxAge === undefined ? [] : [String(config.maxAge)],
    ),
  ];
  const exposed = listHeader("access-control-expose-headers", config.exposeHeaders);

  const originHeaders = (origin: string | undefined): HeaderList => {
    if (origin === undefined || !isAllowed(origin)) return [];
    // Caches must not give the response for one origin to another origin.
    const vary: HeaderList = any ? [] : [["vary", "Origin"]];
    return [["access-control-allow-origin", any ? "*" : origin], ...credentials, ...vary];
  };

  return {
    preflight({ method, headers }) {
      const origin = headers.get("origin");
      if (method !== "OPTIONS" || origin === undefined) return undefined;
      if (!headers.has("access-control-request-method")) return undefined;
      const own = originHeaders(origin);
      // An origin that is not allowed gets 204 without CORS headers.
      return {
        status: 204,
        headers: own.length === 0 ? [] : [...own, ...preflightOnly],
        body: Buffer.alloc(0),
      };
    },
    apply(response, origin) {
      const kept = response.headers.filter(([name]) => !name.startsWith("access-control-"));
      const own = originHeaders(origin);
      return { ...response, headers: own.length === 0 ? kept : [...kept, ...own, ...exposed] };
    },
  };
}

/** One header with all values; nothing if there are none. */
function listHeader(name: string, values: readonly string[] = []): HeaderList {
  return values.length === 0 ? [] : [[name, values.join(",")]];
}
