import { AppError } from "@stockwire/core/error";
import { problemOf } from "./problem.ts";

type Fields = Record<string, unknown>;

/** The problem of an event that no API Gateway sends. */
export const NOT_AN_EVENT = problemOf(
  new AppError("invalid_request", "Not an event of API Gateway"),
);

/** A path that no route has: for what cannot be routed safely. */
const NOWHERE = "/-";

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An event of payload 2.0 or 1.0 with sound types and a canonical path. */
export type Normalised = NonNullable<
  ReturnType<typeof normaliseV2> | ReturnType<typeof normaliseV1>
>;

/**
 * Normalises an event; undefined if no gateway sends such an event. The path of a 2.0 event is
 * decoded and may start with the stage, and any member may have an unexpected type. The result has
 * only what Hono's adapter and the app need, in the types that they need.
 */
export function normalise(given: unknown): Normalised | undefined {
  if (!isObject(given)) return undefined;
  const context = isObject(given["requestContext"]) ? given["requestContext"] : {};
  const { http } = context;
  return isObject(http) && typeof given["rawPath"] === "string"
    ? normaliseV2(given, given["rawPath"], http["method"], context)
    : normaliseV1(given, context);
}

function normaliseV2(event: Fields, rawPath: string, given: unknown, context: Fields) {
  const method = methodOf(given);
  if (method === undefined) return undefined;
  const { rawQueryString, routeKey, pathParameters } = event;
  const pattern = typeof routeKey === "string" ? routeKey.split(" ")[1] : undefined;
  const [base, path] =
    atRoute(rawPath, pattern, pathParameters) ?? atStage(rawPath, context["stage"]);
  return {
    version: "2.0",
    rawPath: canonical(path),
    rawQueryString: typeof rawQueryString === "string" ? rawQueryString.replaceAll("#", "%23") : "",
    headers: headersOf(event["headers"]),
    ...bodyOf(event, method),
    requestContext: { ...contextOf(context, jwtOf), ...baseOf(base), http: { method } },
  };
}

/** Payload 1.0, and test events written by hand, which may have no more than method and resource. */
function normaliseV1(event: Fields, context: Fields) {
  const { path: givenPath, multiValueQueryStringParameters: many } = event;
  const httpMethod = methodOf(event["httpMethod"]);
  const given = typeof givenPath === "string" ? givenPath : fromResource(event);
  if (httpMethod === undefined || given === undefined) return undefined;
  const [, path] =
    atRoute(given, event["resource"], event["pathParameters"]) ?? atStage(given, context["stage"]);
  const segments = path.map(decodeSegment);
  // `path` has no stage; the context's path is the one that the client asked for.
  const asked = typeof context["path"] === "string" ? context["path"] : given;
  const routed = path.join("/");
  const base = asked.endsWith(routed) ? asked.slice(0, asked.length - routed.length) : "";
  return {
    path: segments.includes(undefined) ? NOWHERE : canonical(segments as string[]),
    httpMethod,
    headers: headersOf(event["headers"]),
    multiValueHeaders: isObject(event["multiValueHeaders"])
      ? listsOf(event["multiValueHeaders"], isHeader)
      : null,
    queryStringParameters: stringsOf(event["queryStringParameters"], isParameter),
    multiValueQueryStringParameters: isObject(many) ? listsOf(many, isParameter) : null,
    ...bodyOf(event, httpMethod),
    requestContext: {
      ...contextOf(context, (authorizer) => authorizer),
      ...baseOf(base),
      ...stageVariablesOf(event["stageVariables"]),
    },
  };
}

/** The part of the context that the app reads. The adapter needs a host for its URL; any will do. */
const contextOf = (
  { requestId, authorizer, http, identity }: Fields,
  admitted: (authorizer: Fields) => Fields,
) => ({
  domainName: "localhost",
  client: clientOf(isObject(http) ? http : isObject(identity) ? identity : {}),
  ...(typeof requestId === "string" && { requestId }),
  ...(isObject(authorizer) && { authorizer: admitted(authorizer) }),
});

/** An HTTP API has a JWT authorizer. What a Lambda authorizer would say is not taken from it. */
const jwtOf = ({ jwt }: Fields): Fields => ({ jwt });

const STAGE_VARIABLE = /^[A-Za-z0-9._-]{1,128}$/;

/** The two that `/version` shows, if the stage has them. */
function stageVariablesOf(given: unknown): { stageVariables?: Record<string, string> } {
  const found = Object.entries(isObject(given) ? given : {}).filter(
    (entry): entry is [string, string] =>
      ["lambdaAlias", "tableName"].includes(entry[0]) &&
      typeof entry[1] === "string" &&
      STAGE_VARIABLE.test(entry[1]),
  );
  return found.length > 0 ? { stageVariables: Object.fromEntries(found) } : {};
}

/** Who sent the request, for the log. Payload 2.0 has it in `http`, 1.0 in `identity`. */
const clientOf = ({ sourceIp, userAgent }: Fields) => ({
  ...(typeof sourceIp === "string" && { sourceIp: sourceIp.slice(0, 64) }),
  ...(typeof userAgent === "string" && { userAgent: userAgent.slice(0, 256) }),
});

/** No route has this method. */
const NO_METHOD = "OTHER";

/**
 * Returns the method of an event; undefined if it is none. The adapter throws at the methods that a
 * Request must not have (https://fetch.spec.whatwg.org/#forbidden-method), so the app gets another
 * one in their place, which it refuses as any that it does not know.
 */
const methodOf = (method: unknown): string | undefined => {
  if (typeof method !== "string" || !/^[A-Z]{1,16}$/.test(method)) return undefined;
  return /^(?:TRACE|TRACK|CONNECT)$/.test(method) ? NO_METHOD : method;
};

/** A path in two parts: where the API is mounted, and the segments of the path within it. */
type Mounted = readonly [base: string, path: string[]];

/**
 * Splits a path by the route that the gateway has matched. Only the route says how much of the path
 * belongs to a stage or to the mapping of a custom domain. Undefined if the path does not end like
 * the route with its parameters, or if the route takes every path and this one has no base.
 */
function atRoute(path: string, pattern: unknown, parameters: unknown): Mounted | undefined {
  if (typeof pattern !== "string" || !pattern.startsWith("/")) return undefined;
  const values = isObject(parameters) ? parameters : {};
  const wanted = pattern
    .slice(1)
    .split("/")
    .flatMap((part) => {
      const name = /^\{(\w+)\+?\}$/.exec(part)?.[1];
      if (name === undefined) return [part];
      const { [name]: value } = values;
      return typeof value !== "string"
        ? [undefined]
        : part.endsWith("+}")
          ? value.split("/")
          : value;
    });
  const segments = path.split("/");
  if (segments.length <= wanted.length) return undefined;
  const [outside, inside] = [segments.slice(0, -wanted.length), segments.slice(-wanted.length)];
  // A decoded parameter can contain slashes that are not the path's own: such a path differs.
  const isAsked = (segment: string, index: number) =>
    segment === wanted[index] || decodeSegment(segment) === wanted[index];
  if (!inside.every(isAsked) || (pattern.includes("+}") && outside.length === 1)) return undefined;
  return [outside.join("/"), ["", ...inside]];
}

/** `/prod/users` of stage prod → `/prod` and `/users`; other paths have no base. */
function atStage(path: string, stage: unknown): Mounted {
  if (typeof stage === "string" && stage !== "" && stage !== "$default") {
    if (path === `/${stage}`) return [`/${stage}`, ["", ""]];
    if (path.startsWith(`/${stage}/`))
      return [`/${stage}`, path.slice(stage.length + 1).split("/")];
  }
  return ["", path.split("/")];
}

/** The base as links have it; absent if there is none, or none that a link can have. */
const baseOf = (base: string): { base?: string } =>
  /^(?:\/[A-Za-z0-9$_.+!*'()-]+)+$/.test(base) ? { base } : {};

function fromResource({ resource, pathParameters }: Fields): string | undefined {
  if (typeof resource !== "string") return undefined;
  const parameters = isObject(pathParameters) ? pathParameters : {};
  return resource.replaceAll(/\{(\w+)\+?\}/g, (_, name: string) => {
    const { [name]: value = "" } = parameters;
    return typeof value === "string" ? encodeURIComponent(value.toWellFormed()) : "";
  });
}

const decodeSegment = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

/** Encodes each segment. A path that a URL parser would resolve (`..`, empty segments) is NOWHERE. */
function canonical([root, ...segments]: readonly string[]): string {
  if (segments.length === 1 && segments[0] === "") return "/";
  const sound = segments.every((segment) => segment.isWellFormed() && !/^\.{0,2}$/.test(segment));
  return root === "" && sound ? `/${segments.map(encodeURIComponent).join("/")}` : NOWHERE;
}

/** Drops the body of GET and HEAD, which has no meaning (RFC 9110, section 9.3.1). */
function bodyOf({ body, isBase64Encoded }: Fields, method: string) {
  if (typeof body !== "string" || method === "GET" || method === "HEAD") {
    return { body: null, isBase64Encoded: false };
  }
  // Decoded leniently: characters outside the base64 alphabet are ignored.
  return isBase64Encoded === true
    ? { body: Buffer.from(body, "base64").toString("base64"), isBase64Encoded }
    : { body, isBase64Encoded: false };
}

type Test = (name: string, value: unknown) => value is string;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** True for a valid header; `Headers` throws at any other. */
const isHeader: Test = (name, value): value is string =>
  NAME.test(name) &&
  typeof value === "string" &&
  value.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);

const isParameter: Test = (name, value): value is string =>
  typeof value === "string" && value.isWellFormed() && name.isWellFormed();

const stringsOf = (given: unknown, test: Test): Record<string, string> => {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  if (!isObject(given)) return found;
  for (const [name, value] of Object.entries(given)) if (test(name, value)) found[name] = value;
  return found;
};

/**
 * The adapter drops headers without a value. A space keeps them: it is trimmed again, so the app
 * sees them as empty, and an empty condition is refused instead of ignored.
 */
const headersOf = (headers: unknown): Record<string, string> => {
  const found = stringsOf(headers, isHeader);
  for (const name in found) found[name] ||= " ";
  return found;
};

const listsOf = (given: Fields, test: Test): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(given).map(([name, values]) => [
      name,
      Array.isArray(values) ? values.filter((value: unknown) => test(name, value)) : [],
    ]),
  );
