import { cursorBefore } from "@stockwire/core/changes/log";
import { AppError } from "@stockwire/core/error";
import { newId } from "@stockwire/core/id";
import { createHash } from "node:crypto";
import { type Context, Hono, type Next } from "hono";
import { matchedRoutes } from "hono/route";
import { readBody } from "./middleware/body.ts";
import { callerOf } from "./caller.ts";
import { corsHeaders } from "./middleware/cors.ts";
import type { Env } from "./env.ts";
import { conditionsOf, refuseCreation, requestIdOf } from "./middleware/conditions.ts";
import { refusal } from "./input.ts";
import type { Log } from "../telemetry/log.ts";
import type { Measure } from "../telemetry/metric.ts";
import { methodsOf, type Route, routes } from "./policy.ts";
import { type Problem, problemOf, RETRY_AFTER } from "./problem.ts";
import { change } from "./routes/change.ts";
import { inventory } from "./routes/inventory.ts";
import { item } from "./routes/item.ts";
import { product } from "./routes/product.ts";
import { reservation } from "./routes/reservation.ts";
import { type About, service } from "./routes/service.ts";
import { user } from "./routes/user.ts";

export interface Settings {
  about: About;
  log: Log;
  measure: Measure;
  /** `*`, or the origins that browsers may call from. */
  origins: readonly string[];
  /** Whether a gateway ends TLS in front. */
  secure: boolean;
  /** Ms after which a request ends with 503, before its gateway would end it (29–30 s). */
  deadline?: number;
}

const DEADLINE = 25_000;

/** `GET /users/:id` → its entry in the policy. */
const byRoute: ReadonlyMap<string, Route> = new Map(
  routes.map((route) => [`${route.method} ${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`, route]),
);

/** The whole HTTP application; `App` is the type that clients are made from. */
export function createApp(settings: Settings) {
  return new Hono<Env>()
    .use(respond(settings))
    .use(admit)
    .route("/users", user)
    .route("/products", product)
    .route("/inventory", inventory)
    .route("/reservations", reservation)
    .route("/items", item)
    .route("/", change)
    .route("/", service(settings.about))
    .notFound((c) => {
      throw notFound(c);
    })
    .onError((error, c) => answerProblem(c, error, settings.log));
}

export type App = ReturnType<typeof createApp>;

/** What every answer has, whatever happens further in: id, headers, a deadline, a log line. */
function respond({ log, measure, origins, secure, deadline = DEADLINE }: Settings) {
  return async (c: Context<Env>, next: Next): Promise<void> => {
    const started = performance.now();
    const requestId = requestIdOf(c.req.header("x-request-id")) ?? newId();
    c.set("requestId", requestId);
    c.set("at", new Date().toISOString());

    await endedBy(deadline, next(), () => {
      c.res = answerProblem(c, new AppError("unavailable", "This took too long; try again"), log);
    });

    const { headers } = c.res;
    headers.set("X-Request-Id", requestId);
    headers.set("X-Content-Type-Options", "nosniff");
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    if (secure) headers.set("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
    for (const [name, value] of corsHeaders(origins, c.req.header("origin"))) {
      headers.append(name, value);
    }
    const { status } = c.res;
    const { route } = c.var;
    const durationMs = Math.round((performance.now() - started) * 10) / 10;
    log.info("request", {
      requestId,
      gatewayRequestId: c.env?.requestContext?.requestId,
      method: c.req.method,
      route: route?.path,
      status,
      durationMs,
      ...measure(
        {
          Count: 1,
          "4XX": Number(status >= 400 && status < 500),
          "5XX": Number(status >= 500),
          // Who asks to wait is not kept waiting.
          ...(c.req.query("wait") === undefined && { Latency: durationMs }),
        },
        route !== undefined,
      ),
    });
  };
}

async function endedBy(ms: number, work: Promise<void>, late: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, ms, "late");
  });
  try {
    if ((await Promise.race([work, deadline])) === "late") {
      work.catch(() => undefined); // answered already; its error has been logged by onError
      late();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Admits what the policy knows, from a caller who may, in a form that can be read. */
async function admit(c: Context<Env>, next: Next): Promise<Response | void> {
  if (isPreflight(c)) return c.body(null, 204);
  const route = c.req.method === "HEAD" ? undefined : routeOf(c);
  if (route === undefined) throw notFound(c);
  c.set("route", route);

  const caller = callerOf(c.env?.requestContext?.authorizer);
  if (route.access !== "open") {
    if (caller === undefined) throw new AppError("unauthenticated", "A verified token is needed");
    for (const scope of [route.access, route.alsoNeeds]) {
      if (scope === undefined || scope === "token") continue;
      if (!caller.scopes.includes(scope) && !caller.scopes.includes("admin")) {
        throw new AppError("insufficient_scope", `This needs the scope ${scope}`);
      }
    }
    c.set("caller", caller);
  }

  const known = Object.keys(route.query?.shape ?? {});
  const unknown = Object.keys(c.req.queries()).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw refusal("query", [{ code: "unrecognized_keys", keys: unknown, path: [], message: "" }]);
  }

  const conditions = conditionsOf((name) => c.req.header(name));
  c.set("ifMatch", conditions.ifMatch);
  c.set("ifNoneMatch", conditions.ifNoneMatch);
  c.set("clientRef", conditions.clientRef);
  const creates = route.method === "PUT" && route.tag === "Items";
  if (conditions.ifNoneMatch === "*" && route.method !== "GET" && !creates) throw refuseCreation();

  const body = route.body ? await readBody(c, route.maxBody) : "";
  if (conditions.idempotencyKey !== undefined && route.method !== "GET") {
    const request = `${route.method} ${c.req.path}\n${body}`;
    const fingerprint = createHash("sha256").update(request).digest("base64url");
    c.set("idempotency", { key: conditions.idempotencyKey, fingerprint });
  }
  // Before anything is read: what changes afterwards is after the cursor.
  const filtered = Object.keys(c.req.queries()).some((name) => !PAGING.has(name));
  const cursor = route.feeds && (await cursorBefore(route.feeds, filtered));
  await next();
  if (cursor !== undefined && c.res.status < 400) c.header("Feed-Cursor", cursor);
}

/** Lists that take more than these read through an index. */
const PAGING: ReadonlySet<string> = new Set(["limit", "order", "nextToken"]);

const routeOf = (c: Context<Env>): Route | undefined => {
  const matched = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
  return matched && byRoute.get(`${matched.method} ${matched.path}`);
};

const isPreflight = (c: Context<Env>): boolean =>
  c.req.method === "OPTIONS" &&
  c.req.header("origin") !== undefined &&
  c.req.header("access-control-request-method") !== undefined;

/** 404 for a path that nobody has; 405 with `Allow` for a method that the path does not have. */
function notFound(c: Context<Env>): AppError {
  const allowed = methodsOf(c.req.path);
  if (allowed.length === 0) return new AppError("route_not_found", "Route not found");
  c.header("Allow", allowed.join(", "));
  return new AppError("method_not_allowed", methodText(c.req.method));
}

/** The method is the client's own word: repeated only if it is one of HTTP's. */
const methodText = (method: string): string =>
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method)
    ? `Method ${method} not allowed`
    : "Method not allowed";

function answerProblem(c: Context<Env>, error: unknown, log: Log): Response {
  const problem: Problem = problemOf(error);
  const { requestId } = c.var;
  if (problem.status >= 500) log.error(problem.title, error, { requestId });
  if (problem.status === 503) c.header("Retry-After", String(RETRY_AFTER));
  if (problem.status === 401) c.header("WWW-Authenticate", "Bearer");
  const { errors, ...members } = problem;
  const instance = c.var.route?.path;
  return c.body(
    JSON.stringify({ ...members, ...(instance && { instance }), requestId, errors }),
    problem.status as 400,
    { "Content-Type": "application/problem+json" },
  );
}
