/**
 * A route is described once, next to its handler. `route()` turns the description into the
 * middleware that authorizes and validates the request; `routesOf()` reads the same descriptions
 * back from the app, for gateways, OpenAPI, infra and tests.
 */

import { zValidator } from "@hono/zod-validator";
import { type Feed, isFeed, resourceOf, type Scope, type Tag } from "@stockwire/core/catalog/index";
import { cursorBefore } from "@stockwire/core/changes/log";
import type { Code } from "@stockwire/core/error";
import { PathId } from "@stockwire/core/id";
import { lazy, resolved } from "@stockwire/core/lazy";
import type { Context, Hono, MiddlewareHandler, Next } from "hono";
import { routePath } from "hono/route";
import type { BlankInput } from "hono/types";
import type { InferInput } from "hono/validator";
import * as z from "zod";
import { readBody } from "./body.ts";
import { authorize } from "./caller.ts";
import { applyIfNoneMatch, readConditions, useIdempotencyKey } from "./conditions.ts";
import type { Env } from "./env.ts";
import { invalidInput, validate } from "./input.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Throttle {
  rate: number; // requests per second
  burst: number; // requests
}

type Query = z.ZodObject | z.ZodLazy<z.ZodObject>;

/** What a route takes, answers and needs. A request makes those lazy schemas that it needs. */
export interface Description {
  /** One line for OpenAPI. */
  summary: string;
  /** The section in OpenAPI; by default the tag of the resource that the path starts with. */
  tag?: "Changes" | "Service";
  /** A scope; `token` for any valid token; `open` for none. The scope `admin` opens every route. */
  access: Scope | "token" | "open";
  /** A second scope that the app requires; a gateway checks one scope only. */
  alsoNeeds?: Scope;
  /**
   * The answer carries a `Feed-Cursor` of these feeds: a client that reads, then asks for the
   * changes after the cursor, misses nothing.
   */
  feeds?: readonly Feed[];
  /** False for a POST that writes no record, so that it takes no key and no condition. */
  writes?: boolean;
  /**
   * True for a query whose records are read through an index, which may be behind. Its `Feed-Cursor`
   * is some seconds older, and to find it can take a walk back in the log. By default none is.
   */
  throughIndex?: (query: Readonly<Record<string, string>>) => boolean;
  throttle?: Throttle;
  /**
   * Who may call the route through the Partner API: `metered` for callers with an API key and a token,
   * `open` for anyone. Default: `metered` for the routes of resources, `none` for all others.
   */
  partner?: "metered" | "open" | "none";
  /**
   * Whether the Partner API may cache the answer. `shared`: for all callers. `token`: for each token by
   * itself, because the answer depends on more scopes than `access` and `alsoNeeds`.
   */
  cache?: "shared" | "token";
  query?: Query;
  body?: z.ZodType;
  maxBody?: number; // bytes; by default 64 KiB
  /** The schema of each successful status; null for one without a body. */
  answers: Readonly<Record<number, z.ZodType | null>>;
  /** The answer is a stream of server-sent events, which `Last-Event-ID` continues. */
  events?: true;
  /** Problem codes of its own, besides those that its method, path and access imply. */
  refusals?: readonly Code[];
}

/** A description with where it is served. */
export interface Route extends Omit<Description, "tag" | "query"> {
  readonly query?: z.ZodObject | undefined;
  writes: boolean; // by default true for every method but GET
  method: Method;
  partner: "metered" | "open" | "none";
  path: string; // as API Gateway writes it: /users/{id}
  tag: Tag | "Changes" | "Service";
}

/** Gives `c.req.valid(Target)` its type, and clients the type of what they send. */
type Valid<Target extends "query" | "json", Schema> = Schema extends z.ZodType
  ? {
      in: {
        [K in Target]: K extends "query" ? InferInput<z.input<Schema>, "query"> : z.input<Schema>;
      };
      out: { [K in Target]: z.output<Schema> };
    }
  : BlankInput;

type Described = MiddlewareHandler<Env> & { description: Description };

/**
 * The first middleware of every route. In this order it checks scopes, query names, conditional
 * headers, the body's syntax, path ids, query and body; all that is wrong leaves as a problem
 * before the handler runs. The body is read, parsed and validated once.
 */
export function route<
  Parameters extends Query | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(
  description: Omit<Description, "query" | "body"> & { query?: Parameters; body?: Body },
): MiddlewareHandler<Env, string, Valid<"query", Parameters> & Valid<"json", Body>, never> {
  const { query, body, feeds, throughIndex } = description as Description;
  const validateQuery = query && queryValidator(query);
  let known: ReadonlySet<string> | undefined;
  let self: Route | undefined;

  const admit = async (c: Context<Env>, next: Next): Promise<void> => {
    self ??= locate(description as Description, c.req.method, routePath(c));
    c.set("route", self);
    await authorize(c, self);
    known ??= new Set(Object.keys(query ? resolved(query).shape : {}));
    refuseUnknownParameters(c, known);
    const { idempotencyKey } = readConditions(c, self);
    const { text, value } = body ? await readBody(c, self.maxBody) : { text: "", value: undefined };
    if (idempotencyKey !== undefined) useIdempotencyKey(c, idempotencyKey, text);
    for (const id of Object.values(c.req.param())) {
      if (!PathId.safeParse(id).success) throw invalidInput("param", []);
    }
    await validateQuery?.(c, () => Promise.resolve());
    if (body) c.req.addValidatedData("json", validBody(body, value));
    if (self.writes) await applyIfNoneMatch(c, self);
    // Read before the records are: a change that is committed later comes after the cursor.
    const cursor = feeds && (await cursorBefore(feeds, throughIndex?.(c.req.query())));
    await next();
    if (cursor !== undefined && c.res.status < 400) c.header("Feed-Cursor", cursor);
  };
  return Object.assign(admit, { description }) as never;
}

const queryValidator = (schema: Query): MiddlewareHandler =>
  zValidator(
    "query",
    schema,
    (result) => {
      if (!result.success) throw invalidInput("query", result.error.issues);
    },
    { validationFunction: validate },
  );

/** Throws `invalid_request` or `reserved_property` with every fault of the body. */
function validBody(schema: z.ZodType, value: unknown): object {
  const result = validate(schema, value);
  if (!result.success) throw invalidInput("json", result.error.issues);
  return result.data as object;
}

/** Throws `unknown_parameter`: a misspelt filter must not widen a list. */
function refuseUnknownParameters(c: Context, known: ReadonlySet<string>): void {
  const unknown = Object.keys(c.req.queries()).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw invalidInput("query", [
    { code: "unrecognized_keys", keys: unknown, path: [], message: "" },
  ]);
}

/** `GET /users/:id` with its description → its entry in the policy. */
function locate(description: Description, method: string, pattern: string): Route {
  const path = pattern.replaceAll(/:(\w+)/g, "{$1}");
  const [, segment = ""] = path.split("/");
  const resource = isFeed(segment) ? resourceOf(segment) : undefined;
  const tag = description.tag ?? resource?.tag;
  if (tag === undefined) throw new Error(`${method} ${path} has no tag`);
  const refusals = [
    ...(resource && path.includes("{") ? [resource.records.notFound] : []),
    ...(description.refusals ?? []),
  ];
  const { writes = method !== "GET" } = description;
  const partner = description.partner ?? (resource === undefined ? "none" : "metered");
  const { query, ...rest } = description;
  return {
    ...rest,
    get query() {
      return query && resolved(query);
    },
    method: method as Method,
    path,
    partner,
    tag: tag as Route["tag"],
    writes,
    refusals,
  };
}

/** Every route of an app. Throws if one has no description, or if two share method and path. */
export function routesOf({ routes }: Pick<Hono<Env>, "routes">): Route[] {
  const found = new Map<string, Route>();
  for (const { method, path, handler } of routes) {
    if (method === "ALL") continue; // middleware of the whole app
    const key = `${method} ${path}`;
    const { description } = handler as Partial<Described>;
    if (description) {
      if (found.has(key)) throw new Error(`${key} is described twice`);
      found.set(key, locate(description, method, path));
    } else if (!found.has(key)) {
      throw new Error(`${key} does not start with route()`);
    }
  }
  return [...found.values()];
}

/** Returns a function that finds the methods of a path, as `Allow` lists them; none if it is unknown. */
export function methodFinder(routes: readonly Route[]): (path: string) => Method[] {
  const patterns = routes.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  return (path) => patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
}

/** A schema for one page of a list of records. */
export const pageOf = (record: z.ZodType, id: string) =>
  lazy(() =>
    z
      .object({ items: z.array(record), count: z.int(), nextToken: z.string().nullable() })
      .meta({ id }),
  );
