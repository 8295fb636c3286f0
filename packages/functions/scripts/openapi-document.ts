import { makeAll } from "@stockwire/core/lazy";
import * as z from "zod";
import packageJson from "../package.json" with { type: "json" };
import { codesOf, methodsOf, type Route, routeKeyOf, routes, scopes } from "../src/api/policy.ts";
import { problems } from "../src/api/problem.ts";
import { answerExamples, examples } from "./openapi-example.ts";
import {
  headerComponents,
  headerParameters,
  headersIn,
  parametersOf,
  refusals,
  refusalsOf,
} from "./openapi-header.ts";
import * as texts from "./openapi-text.ts";
import { describeMembers, type Json, namedSchemas, schemaOf } from "./json-schema.ts";
import { PARTNER_STAGE } from "../src/partner/plan.ts";

/** The OpenAPI 3.1 document, made from the policy of the routes and the schemas that validate. */
export function openapi(): Json {
  makeAll();
  const paths = Object.fromEntries(
    Map.groupBy(routes, ({ path }) => path)
      .entries()
      .map(([path, methods]) => [path, pathItem(path, methods)]),
  );
  return {
    openapi: "3.1.1",
    info: {
      title: "Stockwire",
      version: packageJson.version,
      summary: "Users, products, inventory that cannot oversell, and free-form items",
      description: texts.about,
      contact: { name: "Stockwire" },
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The server that this document comes from" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({
      name,
      description: texts.tags[name],
    })),
    paths,
    components: {
      securitySchemes: {
        token,
        apiKey: {
          type: "apiKey",
          in: "header",
          name: "x-api-key",
          description: "Needed on the Partner API, besides the token; it counts for a usage plan",
        },
      },
      parameters: headerParameters,
      headers: headerComponents(JSON.stringify([paths, refusals])),
      responses: refusals,
      examples: Object.fromEntries(
        usedExamples(JSON.stringify(paths)).map((id) => [id, { value: examples[id] }]),
      ),
      schemas: schemas(),
    },
  };
}

const pathItem = (path: string, methods: readonly Route[]): Json => ({
  description: othersOf(path),
  ...Object.fromEntries(methods.map((route) => [route.method.toLowerCase(), operation(route)])),
});

/** The examples of schemas that are a whole body somewhere. */
const usedExamples = (json: string) =>
  Object.keys(examples).filter((id) => json.includes(`"#/components/examples/${id}"`));

/** A body with its schema and, if that has a name, its example. */
function contentOf(schema: z.ZodType, example?: unknown): Json {
  const json = schemaOf(schema);
  const { $ref } = json;
  const id = typeof $ref === "string" ? $ref.split("/").at(-1) : undefined;
  return {
    schema: json,
    ...(id !== undefined && { examples: { [id]: { $ref: `#/components/examples/${id}` } } }),
    ...(example !== undefined && { example }),
  };
}

const othersOf = (path: string) =>
  `Other methods are 405 \`method_not_allowed\` with \`Allow: ${methodsOf(path).join(", ")}\`.`;

const token = {
  type: "oauth2",
  description:
    "`Authorization: Bearer <JWT>`, signed with RS256, RS384 or RS512 by the issuer of the stage. The URLs are those of the laptop's issuer; a deployed stage has its own. Users sign in with PKCE and get all scopes but `admin`, which grants every one.",
  flows: {
    authorizationCode: {
      authorizationUrl: "/oauth2/authorize",
      tokenUrl: "/oauth2/token",
      refreshUrl: "/oauth2/token",
      scopes: meanings(scopes.filter((scope) => scope !== "admin")),
    },
    clientCredentials: { tokenUrl: "/oauth2/token", scopes: meanings(scopes) },
  },
};

function meanings(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((scope) => [scope, meaningOf(scope)]));
}

/** `read:users` → `Read users`. */
function meaningOf(scope: string): string {
  if (scope === "admin") return "Everything";
  const [verb = "", object = ""] = scope.split(":");
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${object}`;
}

function operation(route: Route): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    description: texts.operations[routeKeyOf(route)],
    tags: [route.tag],
    ...securityOf(route),
    parameters: [
      ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
        name,
        in: "path",
        required: true,
        ...textOf(route, name),
        schema: { type: "string", minLength: 1, maxLength: 128 },
      })),
      ...queryParameters(route),
      ...parametersOf(route).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...(route.body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          [
            "application/json",
            ...(route.method === "PATCH" ? ["application/merge-patch+json"] : []),
          ].map((type) => [type, contentOf(route.body as z.ZodType)]),
        ),
      },
    }),
    responses: { ...refusalsOf(codesOf(route)), ...answersOf(route) },
  };
}

/**
 * The HTTP API needs a token. A route that is also on the Partner API, which is a second server, needs
 * the API key as well there.
 */
function securityOf(route: Route): Json {
  const needed = scopesOf(route);
  const needsKey = route.partner === "metered" && route.events !== true;
  const partner = needsKey ? [{ token: needed, apiKey: [] }] : [];
  return {
    security: route.access === "open" ? [] : [{ token: needed }, ...partner],
    ...(route.partner !== "none" && {
      servers: [{ url: "/", description: "The HTTP API" }, PARTNER_SERVER],
    }),
  };
}

const PARTNER_SERVER = { url: `/${PARTNER_STAGE}`, description: "The Partner API" };

const scopesOf = ({ access, alsoNeeds }: Route) =>
  access === "token" ? [] : [access, ...(alsoNeeds ? [alsoNeeds] : [])];

/** `GET /users/{id}` → `getUsersId`. */
const operationId = ({ method, path }: Route) =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

/** Description and example of a parameter. */
const textOf = ({ path }: Route, name: string) =>
  texts.parameters[`/${path.split("/")[1]} ${name}`] ?? texts.parameters[name];

function queryParameters(route: Route): Json[] {
  if (route.query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(route.query) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    ...(required.includes(name) && { required: true }),
    ...textOf(route, name),
    schema,
  }));
}

/** The answers that the route describes itself. One of them may be a 503, as others answer it. */
function answersOf(route: Route): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, schema]) => {
      const refused = Number(status) < 400 ? undefined : refusals.Unavailable;
      const answer = {
        description: DESCRIPTIONS[status] ?? "OK",
        headers: refused ? refused.headers : headersIn(route, Number(status)),
        ...(schema && {
          content: {
            ...refused?.content,
            [contentType(route)]: refused
              ? {
                  ...contentOf(schema),
                  schema: {
                    anyOf: [schemaOf(schema), refused.content["application/json"].schema],
                  },
                }
              : contentOf(schema, answerExamples[routeKeyOf(route)]),
          },
        }),
      };
      return [status, answer];
    }),
  );
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  201: "Created",
  204: "Deleted",
  207: "At least one entry failed",
  304: "The caller already has this version",
  503: "The store does not answer",
};

function contentType({ path, events }: Route): string {
  if (events) return "text/event-stream";
  return path.startsWith("/docs") ? "text/html" : "application/json";
}

function schemas(): Json {
  const all: Record<string, Json> = {
    ...namedSchemas(z.globalRegistry, "draft-2020-12"),
    Problem,
    GatewayMessage: {
      type: "object",
      required: ["message"],
      properties: { message: { type: "string" } },
    },
  };
  describeMembers(all, (id, member) => texts.members[`${id}.${member}`] ?? texts.members[member]);
  return Object.fromEntries(
    Object.entries(all).map(([id, schema]) => [
      id,
      { ...schema, description: texts.schemas[id], examples: [examples[id]] },
    ]),
  );
}

const Problem = {
  type: "object",
  required: ["type", "title", "status", "code", "detail"],
  properties: {
    type: { type: "string", format: "uri-reference" },
    title: { type: "string" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    code: { type: "string", enum: Object.keys(problems) },
    detail: { type: "string" },
    instance: { type: "string" },
    requestId: { type: "string" },
    errorCount: { type: "integer", minimum: 51 },
    errors: {
      type: "array",
      maxItems: 50,
      items: {
        type: "object",
        required: ["code", "detail"],
        properties: {
          pointer: { type: "string", format: "json-pointer" },
          parameter: { type: "string" },
          code: { type: "string" },
          detail: { type: "string" },
        },
      },
    },
    index: { type: "integer", minimum: 0 },
    currentVersion: { type: "integer", minimum: 1 },
    currentQuantity: { type: "integer", minimum: 0 },
    reserved: { type: "integer", minimum: 0 },
    refused: {
      type: "array",
      items: {
        type: "object",
        required: ["index", "productId", "code"],
        properties: {
          index: { type: "integer", minimum: 0 },
          productId: { type: "string" },
          code: { type: "string" },
          currentQuantity: { type: "integer", minimum: 0 },
          currentVersion: { type: "integer", minimum: 1 },
          reserved: { type: "integer", minimum: 0 },
        },
      },
    },
    shortages: {
      type: "array",
      items: {
        type: "object",
        required: ["productId", "requested", "available"],
        properties: {
          productId: { type: "string" },
          requested: { type: "integer" },
          available: { type: "integer" },
        },
      },
    },
  },
};
