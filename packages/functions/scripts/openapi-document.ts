import * as z from "zod";
import packageJson from "../package.json" with { type: "json" };
import { codesOf, type Route, routes, scopes } from "../src/api/policy.ts";
import { problems } from "../src/api/problem.ts";

type Json = Record<string, unknown>;

const ref = (id: string) => ({ $ref: `#/components/schemas/${id}` });

/** The OpenAPI 3.1 document, made from the policy of the routes and the schemas that validate. */
export function openapi(): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Stockwire",
      version: packageJson.version,
      summary: "Users, products, inventory that cannot oversell, and free-form items",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: `RS256; scopes: ${scopes.join(", ")}`,
        },
      },
      parameters: headerParameters,
      headers: answerHeaders,
      responses: answers,
      schemas: schemas(),
    },
  };
}

function operation(route: Route): Json {
  const writes = route.method !== "GET";
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...(route.access === "open" ? {} : { security: [{ token: scopesOf(route) }] }),
    parameters: [
      ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name,
        in: "path",
        required: true,
        schema: { type: "string", minLength: 1, maxLength: 128 },
      })),
      ...queryParameters(route),
      ...(writes ? [parameter("IdempotencyKey"), parameter("ClientRef")] : []),
      ...(writes && route.method !== "POST" ? [parameter("IfMatch")] : []),
      ...(304 in route.answers || (201 in route.answers && route.method === "PUT")
        ? [parameter("IfNoneMatch")]
        : []),
      parameter("RequestId"),
    ],
    ...(route.body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          [
            "application/json",
            ...(route.method === "PATCH" ? ["application/merge-patch+json"] : []),
          ].map((type) => [type, { schema: schemaOf(route.body as z.ZodType) }]),
        ),
      },
    }),
    responses: { ...successes(route), ...refusals(route) },
  };
}

const scopesOf = ({ access }: Route) => (access === "token" ? [] : [access]);

/** `GET /users/{id}` → `getUsersId`. */
const operationId = ({ method, path }: Route) =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });

function queryParameters({ query }: Route): Json[] {
  if (query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(query, { io: "input" });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}

/** A reference to a schema that has a name; any other schema is written in place. */
function schemaOf(schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id;
  return id === undefined ? inline(schema) : ref(id);
}

function inline(schema: z.ZodType): Json {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}

function successes(route: Route): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, schema]) => [
      status,
      {
        description: DESCRIPTIONS[status] ?? "OK",
        headers: headersOf(route, status),
        ...(schema && { content: { [contentType(route)]: { schema: schemaOf(schema) } } }),
      },
    ]),
  );
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  201: "Created",
  204: "Deleted",
  207: "At least one entry failed",
  304: "The caller already has this version",
  503: "The database does not answer",
};

const contentType = ({ path }: Route) =>
  path.startsWith("/docs") ? "text/html" : "application/json";

function headersOf(route: Route, status: string): Json {
  const one = route.refusals?.some((code) => code.endsWith("_not_found"));
  const names = ["X-Request-Id"];
  if (status === "200" && route.query && "limit" in route.query.shape) names.push("Link");
  if ((status === "200" && one) || status === "304") names.push("ETag");
  if (status === "201" && !route.path.endsWith("/batch")) names.push("ETag");
  if (status === "201" && isCreation(route)) names.push("Location");
  if (route.method !== "GET") names.push("Idempotency-Replayed");
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const isCreation = ({ path }: Route) => /^\/(?:users|products|items)(?:\/\{id\})?$/.test(path);

/** Refusals by status; each description lists the codes. */
function refusals(route: Route): Record<string, Json> {
  const codes = codesOf(route);
  const byStatus = Object.groupBy(codes, (code) => String(problems[code].status));
  const answers = Object.entries(byStatus).map(([status, list = []]) => [
    status,
    { $ref: "#/components/responses/Problem", description: list.join(", ") },
  ]);
  return { ...Object.fromEntries(answers), 429: { $ref: "#/components/responses/Throttled" } };
}

const message = { "application/json": { schema: ref("GatewayMessage") } };

const answers = {
  Problem: {
    description: "An error: a problem of the app, or a message of the gateway in front of it",
    content: { "application/problem+json": { schema: ref("Problem") }, ...message },
  },
  Throttled: { description: "The gateway throttled the request", content: message },
};

const headerParameters = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "Makes it safe to repeat the request: for 24 hours, repeats with this key get the first answer",
    schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
  },
  ClientRef: {
    name: "X-Client-Ref",
    in: "header",
    description: "Returned as `clientRef` in the changes that this request makes",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{1,64}$" },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: 'Answers 412 unless the record has this version, e.g. "3"',
    schema: { type: "string" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description:
      "On GET: answers 304 if the record has this version. On PUT: * creates an item with this id, or answers 412 if it exists",
    schema: { type: "string" },
  },
  RequestId: {
    name: "X-Request-Id",
    in: "header",
    description: "Returned in the answer and written to the log",
    schema: { type: "string", pattern: "^[A-Za-z0-9._-]{8,64}$" },
  },
};

const text = (description: string) => ({ description, schema: { type: "string" } });

const answerHeaders = {
  ETag: text("The record's version in quotes"),
  Location: text("The path of the new record"),
  Link: text('The next page of the list, rel="next"'),
  "X-Request-Id": text("Identifies this request when you ask for support"),
  "Idempotency-Replayed": text(
    "true if this is the stored answer of an earlier request with the same key",
  ),
};

function schemas(): Json {
  const { schemas: named } = z.toJSONSchema(z.globalRegistry, {
    io: "input",
    uri: (id) => `#/components/schemas/${id}`,
  });
  const own = Object.fromEntries(
    Object.entries(named).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]),
  );
  return {
    ...own,
    Problem: {
      type: "object",
      description: "RFC 9457",
      required: ["type", "title", "status", "code", "detail", "requestId"],
      properties: {
        type: { type: "string" },
        title: { type: "string" },
        status: { type: "integer" },
        code: { enum: Object.keys(problems) },
        detail: { type: "string" },
        instance: { type: "string" },
        requestId: { type: "string" },
        errorCount: { type: "integer", description: "Present if errors lists only the first 50" },
        errors: {
          type: "array",
          items: {
            type: "object",
            required: ["code", "detail"],
            properties: {
              pointer: { type: "string" },
              parameter: { type: "string" },
              code: { type: "string" },
              detail: { type: "string" },
            },
          },
        },
      },
    },
    GatewayMessage: {
      type: "object",
      description: "An error answer of the gateway in front of the app",
      required: ["message"],
      properties: { message: { type: "string" } },
    },
  };
}
