import type { Outcome } from "@stockwire/core/store/write";
import type { Context } from "hono";
import type { Env } from "./env.ts";
import type { Problem } from "./problem.ts";

interface Versioned {
  id: string;
  version: number;
}

/** A path of this API as the client reaches it, below the stage or mapping that it called. */
export const linkTo = (c: Context<Env>, path: string): string =>
  (c.env?.requestContext?.base ?? "") + path;

/** A problem with what it says of this request: its route, its id, and where its type is explained. */
export function located(c: Context<Env>, { errors, type, ...members }: Problem): Problem {
  const { requestId } = c.var;
  const instance = c.var.route?.path;
  return {
    type: linkTo(c, type),
    ...members,
    ...(instance && { instance }),
    requestId,
    ...(errors && { errors }),
  };
}

const etag = (version: number | string) => `"${version}"`;

/**
 * 200 with the record, or 304 if the caller has it. `tag` must change with everything that the body
 * shows; give it where that is more than the version.
 */
export function record<T extends Versioned>(
  c: Context<Env>,
  value: T,
  tag = String(value.version),
) {
  c.header("ETag", etag(tag));
  const ifNoneMatch = c.get("ifNoneMatch");
  const known =
    ifNoneMatch === "*" ||
    ifNoneMatch?.some((candidate) => candidate.replace(/^W\//, "") === etag(tag));
  // A 304 has no body. It is left out of the type, so that typed clients see the record only.
  if (known) return c.body(null, 304) as never;
  return c.json(value, 200);
}

/** 201 with the new record and its `Location`. */
export function created<T extends Versioned>(
  c: Context<Env>,
  collection: string,
  { value, replayed }: Outcome<T>,
) {
  if (replayed) c.header("Idempotency-Replayed", "true");
  c.header("Location", linkTo(c, `${collection}/${encodeURIComponent(value.id)}`));
  c.header("ETag", etag(value.version));
  return c.json(value, 201);
}

/** 200 (or 201) with the record after the write. */
export function updated<T extends Versioned, S extends 200 | 201 = 200>(
  c: Context<Env>,
  { value, replayed }: Outcome<T>,
  status: S = 200 as S,
) {
  if (replayed) c.header("Idempotency-Replayed", "true");
  c.header("ETag", etag(value.version));
  return c.json(value, status);
}

/** 200 with the records after one write of several, which have no tag in common. */
export function updatedAll<T extends object>(c: Context<Env>, { value, replayed }: Outcome<T>) {
  if (replayed) c.header("Idempotency-Replayed", "true");
  return c.json(value, 200);
}

/** 204. */
export function removed(c: Context<Env>, { replayed }: Outcome<null>) {
  if (replayed) c.header("Idempotency-Replayed", "true");
  return c.body(null, 204);
}

/** 200 with one page of a list, and a `Link` to the next page. */
export function page<T>(
  c: Context<Env>,
  { items, nextToken }: { items: T[]; nextToken: string | null },
) {
  if (nextToken !== null) {
    const query = new URLSearchParams(c.req.query());
    query.set("nextToken", nextToken);
    const path = c.var.route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(c.req.param(name) ?? ""),
    );
    c.header("Link", `<${linkTo(c, path)}?${query.toString()}>; rel="next"`);
  }
  return c.json({ items, count: items.length, nextToken }, 200);
}
