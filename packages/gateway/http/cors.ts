import type { GatewayRequest } from "../request.ts";
import type { Answer } from "../response.ts";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html */
export interface CorsConfig {
  /** Exact origins, `https://*`, `http://*` or `*`. */
  allowOrigins: readonly string[];
  allowMethods?: readonly string[];
  allowHeaders?: readonly string[];
  exposeHeaders?: readonly string[];
  maxAge?: number; // seconds
  allowCredentials?: boolean;
}

/** The CORS part of an HTTP API; it stands in place of whatever the backend says about CORS. */
export interface Cors {
  /** The answer to a preflight, or undefined if this is none. */
  preflight(request: GatewayRequest): Answer | undefined;
  /** Puts the gateway's CORS headers in place of the backend's; also on the gateway's own errors. */
  apply(answer: Answer, origin: string | undefined): Answer;
}

/** Throws if credentials are allowed to every origin, which AWS refuses too. */
export function createCors(config: CorsConfig): Cors {
  const origins = new Set(config.allowOrigins);
  const any = origins.has("*");
  if (any && config.allowCredentials) {
    throw new Error("CORS: allowCredentials needs origins by name, not *");
  }
  const allowed = (origin: string) =>
    any ||
    origins.has(origin) ||
    (origins.has("https://*") && origin.startsWith("https://")) ||
    (origins.has("http://*") && origin.startsWith("http://"));
  const credentials: Answer["headers"] = config.allowCredentials
    ? [["access-control-allow-credentials", "true"]]
    : [];
  const preflightOnly = [
    ...list("access-control-allow-methods", config.allowMethods),
    ...list("access-control-allow-headers", config.allowHeaders),
    ...(config.maxAge === undefined
      ? []
      : [["access-control-max-age", String(config.maxAge)] as const]),
  ];
  const exposed = list("access-control-expose-headers", config.exposeHeaders);

  const originHeaders = (origin: string | undefined): Answer["headers"] => {
    if (origin === undefined || !allowed(origin)) return [];
    const vary: Answer["headers"] = any ? [] : [["vary", "Origin"]];
    return [["access-control-allow-origin", any ? "*" : origin], ...credentials, ...vary];
  };

  return {
    preflight({ method, headers }) {
      const origin = headers.get("origin");
      if (method !== "OPTIONS" || origin === undefined) return undefined;
      if (!headers.has("access-control-request-method")) return undefined;
      const own = originHeaders(origin);
      return {
        status: 204,
        headers: own.length === 0 ? [] : [...own, ...preflightOnly],
        body: Buffer.alloc(0),
      };
    },
    apply(answer, origin) {
      const backend = answer.headers.filter(([name]) => !name.startsWith("access-control-"));
      const own = originHeaders(origin);
      return { ...answer, headers: own.length === 0 ? backend : [...backend, ...own, ...exposed] };
    },
  };
}

function list(name: string, values: readonly string[] = []): Answer["headers"] {
  return values.length === 0 ? [] : [[name, values.join(",")]];
}
