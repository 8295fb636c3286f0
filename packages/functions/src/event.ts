/** What a gateway, or a person with a test event, may hand to the function. */
type Given = Record<string, unknown> & {
  requestContext?: Record<string, unknown> | null;
  headers?: Record<string, unknown> | null;
};

/** A path that no route has: what can't be routed safely is routed to nowhere. */
const NOWHERE = "/-";

/** The adapter wants a host for its URL; nothing reads it. */
const HOST = "localhost";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * An event as Hono's adapter reads it right, or undefined if no gateway sends such a one. The
 * adapter pastes the decoded path of a 2.0 event into a URL, knows no stage prefix, needs a
 * context and lets a GET have no body.
 */
export function mend(given: unknown): Record<string, unknown> | undefined {
  if (!isObject(given)) return undefined;
  const event = given as Given;
  const context = isObject(event.requestContext) ? event.requestContext : {};
  const http = isObject(context["http"]) ? context["http"] : undefined;
  return http && typeof http["method"] === "string" && typeof event["rawPath"] === "string"
    ? mendV2(event, context, http["method"], event["rawPath"])
    : mendV1(event, context);
}

function mendV2(
  event: Given,
  context: Record<string, unknown>,
  method: string,
  rawPath: string,
): Record<string, unknown> | undefined {
  if (!isMethod(method)) return undefined;
  const path = canonical(withoutStage(rawPath, context["stage"]).split("/"));
  const rawQueryString = typeof event["rawQueryString"] === "string" ? event["rawQueryString"] : "";
  return {
    ...event,
    ...bodyOf(event, method),
    headers: headersOf(event.headers),
    rawPath: path,
    rawQueryString: rawQueryString.replaceAll("#", "%23"),
    requestContext: { ...context, domainName: HOST },
  };
}

/** 1.0, and the bare test events that people write by hand: method, resource, parameters. */
function mendV1(
  event: Given,
  context: Record<string, unknown>,
): Record<string, unknown> | undefined {
  const method = event["httpMethod"];
  const given = typeof event["path"] === "string" ? event["path"] : fromResource(event);
  if (typeof method !== "string" || !isMethod(method) || given === undefined) return undefined;
  const segments = withoutStage(given, context["stage"]).split("/").map(decodeSegment);
  return {
    ...event,
    ...bodyOf(event, method),
    headers: headersOf(event.headers),
    multiValueHeaders: multiValueHeadersOf(event["multiValueHeaders"]),
    httpMethod: method,
    path: segments.includes(undefined) ? NOWHERE : canonical(segments as string[]),
    requestContext: { ...context, domainName: HOST },
  };
}

const isMethod = (method: string): boolean =>
  /^[A-Z]{1,16}$/.test(method) && !/^(?:TRACE|TRACK|CONNECT)$/.test(method);

/** `/prod/users` of stage prod is `/users`; a stage named like no first segment changes nothing. */
function withoutStage(path: string, stage: unknown): string {
  if (typeof stage !== "string" || stage === "" || stage === "$default") return path;
  if (path === `/${stage}`) return "/";
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}

function fromResource(event: Given): string | undefined {
  const { resource, pathParameters } = event as { resource?: unknown; pathParameters?: unknown };
  if (typeof resource !== "string") return undefined;
  const parameters = isObject(pathParameters) ? pathParameters : {};
  return resource.replaceAll(/\{(\w+)\+?\}/g, (_, name: string) => String(parameters[name] ?? ""));
}

const decodeSegment = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

/** Segments as they are, each encoded; what a URL parser would resolve away leads nowhere. */
function canonical([root, ...segments]: readonly string[]): string {
  if (segments.length === 1 && segments[0] === "") return "/";
  const sound = segments.every((segment) => segment.isWellFormed() && !/^\.{0,2}$/.test(segment));
  return root === "" && sound ? `/${segments.map(encodeURIComponent).join("/")}` : NOWHERE;
}

/** A method whose body has no meaning has none; the adapter answers 400 in its own words else. */
function bodyOf(event: Given, method: string) {
  const { body, isBase64Encoded } = event;
  if (typeof body !== "string" || method === "GET" || method === "HEAD") {
    return { body: null, isBase64Encoded: false };
  }
  // Decoded leniently here: the adapter throws at a character that is not base64's.
  return isBase64Encoded === true
    ? { body: Buffer.from(body, "base64").toString("base64"), isBase64Encoded }
    : { body, isBase64Encoded: false };
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a request can have as a header; the adapter throws, and logs the value, at any other. */
const isHeader = (name: string, value: unknown): value is string =>
  NAME.test(name) &&
  typeof value === "string" &&
  value.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);

const headersOf = (headers: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(headers) ? headers : {}).flatMap(([name, value]) =>
      isHeader(name, value) ? [[name, value] as const] : [],
    ),
  );

/** Null rather than empty where there are none: the answer then has single-value headers. */
const multiValueHeadersOf = (headers: unknown): Record<string, string[]> | null =>
  isObject(headers)
    ? Object.fromEntries(
        Object.entries(headers).flatMap(([name, values]) =>
          Array.isArray(values)
            ? [[name, values.filter((value: unknown) => isHeader(name, value))] as const]
            : [],
        ),
      )
    : null;
