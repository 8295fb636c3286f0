/** The generated documents of the Partner API: the models of bodies, and the scopes of methods. */

import { resolved } from "@stockwire/core/lazy";
import * as z from "zod";
import { routes } from "../src/api/policy.ts";
import { templateRoutes } from "../src/partner/integration.ts";
import { modelNameOf } from "../src/partner/model-name.ts";

type Json = Record<string, unknown>;

/** The methods that need a token, each with the scopes that it needs; none for any token. */
export const partnerMethods = (): { method: string; path: string; needs: string[] }[] => [
  ...routes
    .filter(({ partner }) => partner === "metered")
    .map(({ method, path, access, alsoNeeds }) => ({
      method,
      path,
      needs: [access, alsoNeeds].filter(
        (scope) => scope !== undefined && scope !== "token" && scope !== "open",
      ),
    })),
  ...templateRoutes.flatMap(({ routeKey, access }) => {
    const [method = "", path = ""] = routeKey.split(" ");
    const needs = access === undefined ? [] : [access];
    return (method === "ANY" ? ANY : [method]).map((each) => ({ method: each, path, needs }));
  }),
];

/** The methods of `ANY`. */
const ANY = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/**
 * A JSON Schema (draft 4) for each body, by name. A model accepts every body that the app accepts, and
 * perhaps more: what it cannot say is left to the app.
 */
export function partnerModels(): Record<string, Json> {
  const models: Record<string, Json> = {};
  for (const route of routes) {
    const name = route.partner === "none" ? undefined : modelNameOf(route);
    if (name !== undefined)
      models[name] ??= { $schema: DRAFT_4, title: name, ...modelOf(route.body) };
  }
  return models;
}

const DRAFT_4 = "http://json-schema.org/draft-04/schema#";

function modelOf(given: z.ZodType | undefined): Json {
  if (given === undefined) return {};
  const schema = resolved(given);
  const {
    $schema: _schema,
    definitions,
    ...root
  } = z.toJSONSchema(schema, {
    target: "draft-4",
    io: "input",
    override({ zodSchema, jsonSchema }) {
      if (isRewritten(zodSchema)) delete jsonSchema.pattern;
      // Text is trimmed and normalised before it is counted, which can make it shorter or longer.
      if (isRewritten(zodSchema)) delete jsonSchema.maxLength;
      if (isRewritten(zodSchema) && (jsonSchema.minLength ?? 0) > 1) jsonSchema.minLength = 1;
    },
  }) as Json;
  return relaxed(root, (definitions ?? {}) as Record<string, Json>);
}

/** True if the schema changes a text before it checks it. */
const isRewritten = ({ _zod: { def } }: z.core.$ZodType): boolean =>
  (def.checks ?? []).some(({ _zod: check }) => check.def.check === "overwrite");

/** Left to the app, or without meaning for validation. */
const DROPPED: ReadonlySet<string> = new Set([
  "format",
  "default",
  "description",
  "id",
  "examples",
  "not",
  "propertyNames",
]);
const KEPT: ReadonlySet<string> = new Set([
  "type",
  "required",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
]);

/** Copies the keywords of draft 4 that have the same meaning here as in the app; throws at any other. */
function relaxed(schema: Json, definitions: Record<string, Json>): Json {
  const each = (value: unknown) => relaxed(value as Json, definitions);
  const result: Json = {};
  for (const [keyword, value] of Object.entries(schema)) {
    // Entries of a batch are for the app, which answers each with a result of its own.
    if (keyword === "$ref" && String(value).startsWith("#/components/")) continue;
    if (keyword === "$ref") {
      const target = definitions[String(value).replace("#/definitions/", "")];
      if (target === undefined) throw new Error(`${String(value)} is not defined`);
      Object.assign(result, each(target));
    } else if (keyword === "type" && value === "integer") {
      // Draft 4 takes 1.0 for no integer, JavaScript and the app do.
      Object.assign(result, { type: "number", multipleOf: 1 });
    } else if (keyword === "properties") {
      result[keyword] = Object.fromEntries(
        Object.entries(value as Json).map(([name, member]) => [name, each(member)]),
      );
    } else if (keyword === "items") {
      result[keyword] = each(value);
    } else if (keyword === "anyOf" || keyword === "allOf") {
      result[keyword] = (value as unknown[]).map(each);
    } else if (keyword === "additionalProperties") {
      result[keyword] = typeof value === "boolean" ? value : each(value);
    } else if (KEPT.has(keyword)) {
      result[keyword] = value;
    } else if (!DROPPED.has(keyword)) {
      throw new Error(`the keyword ${keyword} has no meaning in a model`);
    }
  }
  return result;
}
