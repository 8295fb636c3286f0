/** What every request passes before and after its route, whichever routes a function serves. */

import { AppError } from "@stockwire/core/error";
import { canonicalId } from "@stockwire/core/id";
import { type Context, Hono } from "hono";
import type { HonoBase } from "hono/hono-base";
import type { Schema } from "hono/types";
import { HTTPException } from "hono/http-exception";
import { getPath } from "hono/utils/url";
import type { Log } from "../telemetry/log.ts";
import type { Measure } from "../telemetry/metric.ts";
import { located } from "./answer.ts";
import type { Gate } from "./caller.ts";
import type { About, Env, StreamChanges } from "./env.ts";
import { crossOrigin } from "./middleware/cors.ts";
import { deadline } from "./middleware/deadline.ts";
import { requestContext } from "./middleware/request-context.ts";
import { requestLog } from "./middleware/request-log.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { problemOf, RETRY_AFTER } from "./problem.ts";
import { methodFinder, routesOf } from "./route.ts";

export interface Settings {
  about: About;
  log: Log;
  measure: Measure;
  /** `*`, or the origins that browsers may call from. */
  origins: readonly string[];
  /** True if a gateway in front ends TLS. */
  secure: boolean;
  /** Ms after which a request ends with 503; by default 25 s, before its gateway ends it. */
  deadline?: number;
  /** Answers `GET /changes/stream`. Without it the route answers `streaming_unavailable`. */
  streamChanges?: StreamChanges;
  /** On a host without a gateway. With it no claim is read from the bindings. */
  gate?: Gate;
}

const DEADLINE = 25_000;

/**
 * An application of some routes, which has their type. A request passes the middleware in this order,
 * then its route.
 */
export function serve<Routes extends Schema>(
  routes: HonoBase<Env, Routes>,
  settings: Settings,
): HonoBase<Env, Routes> {
  const { about, log, measure, origins, secure, streamChanges } = settings;
  const methodsOf = methodFinder(routesOf(routes));
  const refuse = (c: Context<Env>, error: unknown) => answerProblem(c, error, log);

  /** 404 for an unknown path; 405 with `Allow` for a method that the path does not have. */
  const notFound = (c: Context<Env>): AppError => {
    const allowed = methodsOf(c.req.path);
    if (allowed.length === 0) return new AppError("route_not_found", "Route not found");
    c.header("Allow", allowed.join(", "));
    return new AppError("method_not_allowed", methodText(c.req.method));
  };

  const app = new Hono<Env, Routes>({ getPath: canonicalPath });
  app.use(requestLog(log, measure));
  app.use(requestContext);
  app.use(securityHeaders(secure));
  app.use(crossOrigin(origins));
  app.use(deadline(settings.deadline ?? DEADLINE, refuse));
  app.use(async (c, next) => {
    // Hono serves HEAD with GET's handler; API Gateway does not map it.
    if (c.req.method === "HEAD") throw notFound(c);
    c.set("about", about);
    c.set("streamChanges", streamChanges);
    c.set("gate", settings.gate);
    await next();
  });
  app.route("/", routes);
  app.notFound((c) => {
    throw notFound(c);
  });
  app.onError((error, c) => refuse(c, error));
  return app;
}

/** The request's path, with its id in the form in which it is stored. Ids of items stay. */
function canonicalPath(request: Request): string {
  const path = getPath(request);
  const [, resource, id] = path.split("/", 3);
  if (resource === "items" || id === undefined) return path;
  const canonical = canonicalId(id);
  return canonical === id ? path : path.replace(id, canonical);
}

/** The method is the client's own word: it is repeated only if it is one of HTTP's. */
const methodText = (method: string): string =>
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method)
    ? `Method ${method} not allowed`
    : "Method not allowed";

function answerProblem(c: Context<Env>, error: unknown, log: Log): Response {
  // A refusal in the words of a gateway: only a gate throws it.
  if (error instanceof HTTPException && error.res !== undefined) return error.res;
  const problem = problemOf(error);
  const { requestId } = c.var;
  if (problem.status >= 500) log.error(problem.title, error, { requestId });
  if (problem.status === 503) c.header("Retry-After", String(RETRY_AFTER));
  if (problem.status === 401) c.header("WWW-Authenticate", "Bearer");
  return c.body(JSON.stringify(located(c, problem)), problem.status as 400, {
    "Content-Type": "application/problem+json",
  });
}
