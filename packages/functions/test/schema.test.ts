import { expect, test } from "vitest";
import * as z from "zod";
import { routesOf } from "../src/api/route.ts";
import { api } from "../src/api/routes/index.ts";

/** Schemas that may be made with their modules. */
const MAX_EAGER = 5;

test("routes declare lazy schemas, since a cold start pays for each that is made", () => {
  const schemas = routesOf(api).flatMap(({ body, answers }) => [body, ...Object.values(answers)]);
  const made = schemas.filter((schema) => schema && !(schema instanceof z.ZodLazy));
  expect(made.length).toBeLessThan(MAX_EAGER);
});

test("the query of a route is the schema itself, also of a lazy one", () => {
  const route = routesOf(api).find(({ method, path }) => method === "GET" && path === "/users");
  expect(Object.keys(route?.query?.shape ?? {})).toContain("email");
});
