import * as z from "zod";

const declared: z.ZodLazy[] = [];

/**
 * A schema that is made when it is first used. To make all schemas of the API takes a quarter of a cold
 * start, and one request needs a few. Types and `parse` are those of the schema itself; `unwrap`
 * returns it, always the same one.
 */
export function lazy<Schema extends z.ZodType>(make: () => Schema): z.ZodLazy<Schema> {
  let made: Schema | undefined;
  const schema = z.lazy(() => (made ??= make()));
  declared.push(schema);
  return schema;
}

/** Returns the schema itself of one that may be lazy. */
export const resolved = <Schema extends z.ZodType>(schema: Schema | z.ZodLazy<Schema>): Schema =>
  schema instanceof z.ZodLazy ? schema.unwrap() : schema;

/**
 * Makes all lazy schemas of the modules that are loaded, in the order of their declaration. For
 * documents: a schema has its id in zod's registry from when it is made.
 */
export function makeAll(): void {
  for (const schema of declared) schema.unwrap();
}
