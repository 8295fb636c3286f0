/** The HTTP application. A request passes the middleware in this order, then its route. */

import { AppError } from "@stockwire/core/error";
import { canonicalId } from "@stockwire/core/id";
import { type Context, Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { Log } from "../telemetry/log.ts";
import type { Measure } from "../telemetry/metric.ts";
import { linkTo } from "./answer.ts";
import type { About, Env } from "./env.ts";
import { crossOrigin } from "./middleware/cors.ts";
import { deadline } from "./middleware/deadline.ts";
import { requestContext } from "./middleware/request-context.ts";
import { requestLog } from "./middleware/request-log.ts";
import { securityHeaders } from "./middleware/security-headers.ts";
import { methodsOf } from "./policy.ts";
import { problemOf, RETRY_AFTER } from "./problem.ts";
import { api } from "./routes/index.ts";

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
}

const DEADLINE = 25_000;

/** The whole HTTP application. Clients are typed by `App`. */
export function createApp(settings: Settings) {
  const { about, log, measure, origins, secure } = settings;
  const refuse = (c: Context<Env>, error: unknown) => answerProblem(c, error, log);
  return new Hono<Env>({ getPath: canonicalPath })
    .use(requestLog(log, measure))
    .use(requestContext)
    .use(securityHeaders(secure))
    .use(crossOrigin(origins))
    .use(deadline(settings.deadline ?? DEADLINE, refuse))
    .use(async (c, next) => {
      // Hono serves HEAD with GET's handler; API Gateway does not map it.
      if (c.req.method === "HEAD") throw notFound(c);
      c.set("about", about);
      await next();
    })
    .route("/", api)
    .notFound((c) => {
      throw notFound(c);
    })
    .onError((error, c) => refuse(c, error));
}

/** The request's path, with its id in the form in which it is stored. Ids of items stay. */
function canonicalPath(request: Request): string {
  const path = getPath(request);
  const [, resource, id] = path.split("/", 3);
  if (resource === "items" || id === undefined) return path;
  const canonical = canonicalId(id);
  return canonical === id ? path : path.replace(id, canonical);
}

export type App = ReturnType<typeof createApp>;

/** 404 for an unknown path; 405 with `Allow` for a method that the path does not have. */
function notFound(c: Context<Env>): AppError {
  const allowed = methodsOf(c.req.path);
  if (allowed.length === 0) return new AppError("route_not_found", "Route not found");
  c.header("Allow", allowed.join(", "));
  return new AppError("method_not_allowed", methodText(c.req.method));
}

/** The method is the client's own word: it is repeated only if it is one of HTTP's. */
const methodText = (method: string): string =>
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method)
    ? `Method ${method} not allowed`
    : "Method not allowed";

function answerProblem(c: Context<Env>, error: unknown, log: Log): Response {
  const problem = problemOf(error);
  const { requestId } = c.var;
  if (problem.status >= 500) log.error(problem.title, error, { requestId });
  if (problem.status === 503) c.header("Retry-After", String(RETRY_AFTER));
  if (problem.status === 401) c.header("WWW-Authenticate", "Bearer");
  const { errors, type, ...members } = problem;
  const instance = c.var.route?.path;
  return c.body(
    JSON.stringify({
      type: linkTo(c, type),
      ...members,
      ...(instance && { instance }),
      requestId,
      errors,
    }),
    problem.status as 400,
    { "Content-Type": "application/problem+json" },
  );
}
