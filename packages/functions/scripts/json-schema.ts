/** JSON Schemas of the schemas that validate, in the form in which documents have them. */

import { resolved } from "@stockwire/core/lazy";
import * as z from "zod";

export type Json = Record<string, unknown>;

interface Named {
  properties?: Readonly<Record<string, Json>>;
  [keyword: string]: unknown;
}

/** All times of the HTTP API have this form; zod's own pattern also counts the days of a month. */
const TIME = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$";

const uriOf = (id: string) => `#/components/schemas/${id}`;

type Target = "draft-2020-12" | "draft-7";

/** How zod's schemas become JSON Schemas: of what is sent, so that objects stay open. */
const optionsFor = (target: Target) => ({
  target,
  io: "input",
  uri: uriOf,
  override({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Json }) {
    // zod leaves the default of a schema out that transforms its input.
    const given = z.globalRegistry.get(zodSchema)?.["default"];
    if (given !== undefined) jsonSchema["default"] = given;
    // The safe integers are not a limit of the API.
    if (jsonSchema["minimum"] === Number.MIN_SAFE_INTEGER) delete jsonSchema["minimum"];
    if (jsonSchema["maximum"] === Number.MAX_SAFE_INTEGER) delete jsonSchema["maximum"];
    if (jsonSchema["format"] === "date-time" && target !== "draft-7") jsonSchema["pattern"] = TIME;
    if (jsonSchema["minLength"] === 0) delete jsonSchema["minLength"];
  },
});

/** Returns the schemas of a registry by their ids. They refer to each other. */
export function namedSchemas(
  registry: z.core.$ZodRegistry<{ id?: string | undefined }>,
  target: Target,
): Record<string, Named> {
  const { schemas } = z.toJSONSchema(registry as never, optionsFor(target) as never) as unknown as {
    schemas: Record<string, Json>;
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]),
  );
}

/** Returns a reference to a schema that has an id; any other schema is written in place. */
export function schemaOf(given: z.ZodType): Json {
  const schema = resolved(given);
  const id = z.globalRegistry.get(schema)?.id;
  if (id !== undefined) return { $ref: uriOf(id) };
  const { $schema: _schema, ...rest } = z.toJSONSchema(
    schema,
    optionsFor("draft-2020-12") as never,
  ) as Json;
  return rest;
}

/**
 * Adds a text to each member of each schema, also within arrays and nested objects. `textOf` gets
 * the id of the schema and the name of the member.
 */
export function describeMembers(
  schemas: Readonly<Record<string, Json>>,
  textOf: (id: string, member: string) => string | undefined,
): void {
  const visit = (id: string, node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties } = node as Named;
    for (const [name, member] of Object.entries(properties ?? {})) {
      const text = textOf(id, name);
      if (text !== undefined) member["description"] ??= text;
    }
    for (const [key, inner] of Object.entries(node)) if (key !== "examples") visit(id, inner);
  };
  for (const [id, schema] of Object.entries(schemas)) visit(id, schema);
}
