type Fields = Record<string, unknown>;

/** A path that no route has: for what cannot be routed safely. */
const NOWHERE = "/-";

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Normalises an event so that Hono's adapter reads it correctly; undefined if no gateway sends such
 * an event. The adapter pastes the decoded path of a 2.0 event into a URL, ignores the stage prefix,
 * takes any other event for one of a REST API, and throws at unexpected types. So it is given only
 * what it needs, in the types that it needs.
 */
export function normalise(given: unknown): Fields | undefined {
  if (!isObject(given)) return undefined;
  const context = isObject(given["requestContext"]) ? given["requestContext"] : {};
  const { http } = context;
  return isObject(http) && typeof given["rawPath"] === "string"
    ? normaliseV2(given, given["rawPath"], http["method"], context)
    : normaliseV1(given, context);
}

function normaliseV2(event: Fields, rawPath: string, method: unknown, context: Fields) {
  if (!isMethod(method)) return undefined;
  const { rawQueryString } = event;
  return {
    version: "2.0",
    rawPath: canonical(withoutStage(rawPath, context["stage"]).split("/")),
    rawQueryString: typeof rawQueryString === "string" ? rawQueryString.replaceAll("#", "%23") : "",
    headers: headersOf(event["headers"]),
    ...bodyOf(event, method),
    requestContext: { ...contextOf(context), http: { method } },
  };
}

/** Payload 1.0, and test events written by hand, which may have no more than method and resource. */
function normaliseV1(event: Fields, context: Fields) {
  const { httpMethod, path, multiValueQueryStringParameters: many } = event;
  const given = typeof path === "string" ? path : fromResource(event);
  if (!isMethod(httpMethod) || given === undefined) return undefined;
  const segments = withoutStage(given, context["stage"]).split("/").map(decodeSegment);
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
    requestContext: contextOf(context),
  };
}

/** The part of the context that the app reads. The adapter needs a host for its URL; any will do. */
const contextOf = ({ requestId, authorizer }: Fields) => ({
  domainName: "localhost",
  ...(typeof requestId === "string" && { requestId }),
  ...(isObject(authorizer) && { authorizer }),
});

const isMethod = (method: unknown): method is string =>
  typeof method === "string" &&
  /^[A-Z]{1,16}$/.test(method) &&
  !/^(?:TRACE|TRACK|CONNECT)$/.test(method);

/** `/prod/users` of stage prod → `/users`; other paths stay. */
function withoutStage(path: string, stage: unknown): string {
  if (typeof stage !== "string" || stage === "" || stage === "$default") return path;
  if (path === `/${stage}`) return "/";
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}

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

/** Drops the body of GET and HEAD, which the adapter would answer with its own 400. */
function bodyOf({ body, isBase64Encoded }: Fields, method: string) {
  if (typeof body !== "string" || method === "GET" || method === "HEAD") {
    return { body: null, isBase64Encoded: false };
  }
  // Decoded leniently here: the adapter throws at a character outside the base64 alphabet.
  return isBase64Encoded === true
    ? { body: Buffer.from(body, "base64").toString("base64"), isBase64Encoded }
    : { body, isBase64Encoded: false };
}

type Test = (name: string, value: unknown) => value is string;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** True for a valid header. The adapter throws at any other, and logs its value. */
const isHeader: Test = (name, value): value is string =>
  NAME.test(name) &&
  typeof value === "string" &&
  value.isWellFormed() &&
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);

const isParameter: Test = (name, value): value is string =>
  typeof value === "string" && value.isWellFormed() && name.isWellFormed();

const stringsOf = (given: unknown, test: Test): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(given) ? given : {}).flatMap(([name, value]) =>
      test(name, value) ? [[name, value] as const] : [],
    ),
  );

/**
 * The adapter drops headers without a value. A space keeps them: it is trimmed again, so the app
 * sees them as empty, and an empty condition is refused instead of ignored.
 */
const headersOf = (headers: unknown) =>
  Object.fromEntries(
    Object.entries(stringsOf(headers, isHeader)).map(([name, value]) => [name, value || " "]),
  );

const listsOf = (given: Fields, test: Test): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(given).map(([name, values]) => [
      name,
      Array.isArray(values) ? values.filter((value: unknown) => test(name, value)) : [],
    ]),
  );
