import { resolved } from "@stockwire/core/lazy";
import * as z from "zod";
import type { Route } from "../api/route.ts";

/** The name of the model for a route's body: the id of its schema. Throws if it has none. */
export function modelNameOf({ body, method, path }: Route): string | undefined {
  if (body === undefined) return undefined;
  const id = z.globalRegistry.get(resolved(body))?.id;
  if (id === undefined) throw new Error(`${method} ${path}: its body's schema has no id`);
  return id;
}
