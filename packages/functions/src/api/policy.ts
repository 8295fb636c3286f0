/**
 * The policy: every route with its scope, limits and schemas, read from the routes themselves.
 * Gateways, OpenAPI, infra and tests use this table.
 */

import { SCOPES } from "@stockwire/core/catalog/index";
import type { Code } from "@stockwire/core/error";
import { resolved } from "@stockwire/core/lazy";
import * as z from "zod";
import { RESOURCE_SERVER } from "./caller.ts";
import { methodFinder, type Route, routesOf } from "./route.ts";
import { api } from "./routes/index.ts";

export { cors } from "./middleware/cors.ts";
export { RESOURCE_SERVER } from "./caller.ts";
export type { Route } from "./route.ts";

export const routes: readonly Route[] = routesOf(api);

export const scopes = SCOPES;

/** Request limits of the account and of the stage, as API Gateway counts them. */
export const throttles = {
  account: { rate: 10_000, burst: 5_000 },
  stage: { rate: 1_000, burst: 2_000 },
} as const;

/** The stage of the Live API: part of its URL, and of the address that frames are sent to. */
export const LIVE_STAGE = "live";

/** As API Gateway writes it: `GET /users/{id}`. */
export const routeKeyOf = ({ method, path }: Route): string => `${method} ${path}`;

/** A gateway admits a token with one of these scopes, with or without the resource server's prefix. */
export const scopesOf = ({ access }: Route): string[] =>
  access === "token" || access === "open"
    ? []
    : [access, "admin"].flatMap((scope) => [scope, `${RESOURCE_SERVER}/${scope}`]);

/** The methods of a path, as `Allow` lists them; none if the path is unknown. */
export const methodsOf = methodFinder(routes);

/** Every problem code that a route may answer: its own, and those its method, path and access imply. */
export function codesOf(route: Route): Code[] {
  const takesId = route.path.includes("{");
  const isList = route.query !== undefined && "limit" in route.query.shape;
  return [
    "unknown_parameter",
    "invalid_parameter",
    ...(takesId ? (["invalid_id"] as const) : []),
    ...(isList ? (["invalid_cursor"] as const) : []),
    ...(route.body ? BODY_CODES : []),
    ...(route.access === "open" ? [] : (["unauthenticated"] as const)),
    ...(route.access === "open" || route.access === "token"
      ? []
      : (["insufficient_scope"] as const)),
    ...(route.writes ? (["idempotency_key_reused"] as const) : []),
    ...(route.writes && takesId ? (["precondition_failed"] as const) : []),
    ...(route.refusals ?? []),
    "internal",
    "unavailable",
  ];
}

/** Headers of the app's answers, besides those that every answer has: see `COMMON_HEADERS`. */
export type ResponseHeader =
  | "ETag"
  | "Location"
  | "Link"
  | "Feed-Cursor"
  | "Idempotency-Replayed"
  | "X-Request-Id"
  | "Retry-After"
  | "WWW-Authenticate"
  | "Content-Security-Policy"
  | "Referrer-Policy"
  | "X-Frame-Options";

/** Headers of every answer of the app; the last one only behind TLS. */
export const COMMON_HEADERS = [
  "X-Content-Type-Options",
  "Cache-Control",
  "Strict-Transport-Security",
] as const;

/**
 * The headers that an answer of the app always has, and those that depend on the request: a list
 * without a next page has no `Link`. A refusal is a problem, not the gateway's message.
 */
export function headersOf(
  route: Route,
  status: number,
): { always: ResponseHeader[]; sometimes: ResponseHeader[] } {
  const schema = route.answers[status];
  if (status >= 400) {
    return {
      always: [
        "X-Request-Id",
        ...(status === 401 ? (["WWW-Authenticate"] as const) : []),
        ...(status === 503 && schema === undefined ? (["Retry-After"] as const) : []),
      ],
      sometimes: status === 503 && schema !== undefined ? ["Retry-After"] : [],
    };
  }
  const isRecord = has(schema, "id") && has(schema, "version");
  const creates = status === 201 && isRecord && /^\/\w+(?:\/\{\w+\})?$/.test(route.path);
  return {
    always: [
      "X-Request-Id",
      ...(isRecord || status === 304 ? (["ETag"] as const) : []),
      ...(creates ? (["Location"] as const) : []),
      ...(route.feeds ? (["Feed-Cursor"] as const) : []),
      ...(route.path.startsWith("/docs") ? PAGE_HEADERS : []),
    ],
    sometimes: [
      ...(has(schema, "nextToken") ? (["Link"] as const) : []),
      ...(route.writes ? (["Idempotency-Replayed"] as const) : []),
    ],
  };
}

const PAGE_HEADERS = ["Content-Security-Policy", "Referrer-Policy", "X-Frame-Options"] as const;

function has(schema: z.ZodType | null | undefined, member: string): boolean {
  const object = schema && resolved(schema);
  return object instanceof z.ZodObject && member in object.shape;
}

const BODY_CODES = [
  "invalid_json",
  "invalid_request",
  "reserved_property",
  "body_too_large",
  "unsupported_media_type",
] as const satisfies Code[];
