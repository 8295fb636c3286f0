/** The headers that any request may carry: conditions, Idempotency-Key, X-Client-Ref. */

import { isFeed, resourceOf } from "@stockwire/core/catalog/index";
import { AppError } from "@stockwire/core/error";
import { lazy } from "@stockwire/core/lazy";
import { createHash } from "node:crypto";
import type { Context } from "hono";
import * as z from "zod";
import type { Env } from "./env.ts";
import { invalidInput } from "./input.ts";
import type { Route } from "./route.ts";

const TAGS = /^(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*$/;
const TAG = /(?:W\/)?"[^"]*"/g;

/** DynamoDB's operator IN takes at most 100 operands. */
const MAX_TAGS = 100;

const tags = () =>
  z
    .string()
    .max(1024)
    .transform((list) => list.trim())
    .refine((list) => list === "*" || TAGS.test(list), { error: "Not a list of entity tags" })
    .transform((list) => (list === "*" ? ("*" as const) : [...new Set(list.match(TAG) ?? [])]))
    .refine((list) => list === "*" || list.length <= MAX_TAGS, {
      error: `At most ${MAX_TAGS} different entity tags`,
    });

const NAMES = ["if-match", "if-none-match", "idempotency-key", "x-client-ref"] as const;

const Conditions = lazy(() =>
  z.object({
    "if-match": tags().optional(),
    "if-none-match": tags().optional(),
    "idempotency-key": z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/)
      .optional(),
    "x-client-ref": z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/)
      .optional(),
  } satisfies Record<(typeof NAMES)[number], z.ZodType>),
);

/**
 * Validates the headers and leaves the conditions in the context. Returns the idempotency key of a
 * request that may write. Throws `invalid_parameter` with the header's name.
 */
export function readConditions(c: Context<Env>, route: Route): { idempotencyKey?: string } {
  const given = NAMES.flatMap((name) => {
    const value = c.req.header(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (given.length === 0) return {};
  const result = Conditions.safeParse(Object.fromEntries(given));
  if (!result.success) throw invalidInput("header", result.error.issues);
  const { data } = result;
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch, "idempotency-key": key } = data;
  const versions = (list: readonly string[]) => [
    ...new Set(list.map((tag) => versionOf(tag, route))),
  ];
  c.set("ifMatch", ifMatch === "*" ? undefined : ifMatch && versions(ifMatch));
  c.set("ifNoneMatch", ifNoneMatch);
  c.set("clientRef", data["x-client-ref"]);
  const creates = route.method === "PUT" && 201 in route.answers;
  if (ifNoneMatch === "*" && route.method !== "GET" && !creates) throw createsNothing();
  return key !== undefined && route.writes ? { idempotencyKey: key } : {};
}

/** A version that no record has. */
const NEVER = 0;

/** What follows the version in tags that depend on more than the record. */
const SUFFIXES: Readonly<Partial<Record<Route["tag"], string>>> = {
  Products: "[1-9][0-9]*", // the version of the inventory level that was included
  Reservations: "expired",
};

/** The version in one of our own strong tags; `NEVER` for any other tag. */
function versionOf(tag: string, { tag: resource }: Route): number {
  const suffix = SUFFIXES[resource];
  const own = new RegExp(`^"([1-9][0-9]{0,14})${suffix ? `(?:\\.${suffix})?` : ""}"$`);
  return Number(own.exec(tag)?.[1] ?? NEVER);
}

/**
 * Applies the tags of `If-None-Match` to a write of one record: it must not have a version that the
 * caller knows (RFC 9110, section 13.1.2). The condition becomes one of `If-Match`, since the verb
 * checks that together with the write, and after it has looked for the answer of a repeated
 * request. A record that does not exist has no tag.
 */
export async function applyIfNoneMatch(c: Context<Env>, route: Route): Promise<void> {
  const ifNoneMatch = c.get("ifNoneMatch");
  const ifMatch = c.get("ifMatch");
  const [, feed = ""] = route.path.split("/");
  const [id] = Object.values(c.req.param());
  if (ifNoneMatch === undefined || ifNoneMatch === "*" || !id || !isFeed(feed)) return;
  const current = await resourceOf(feed).records.readStored(id);
  if (current === undefined) return;
  const { version } = current;
  // Weak comparison, as the section asks for.
  const known = ifNoneMatch.some((tag) => versionOf(tag.replace(/^W\//, ""), route) === version);
  if (known) c.set("ifMatch", [NEVER]);
  else if (ifMatch === undefined || ifMatch.includes(version)) c.set("ifMatch", [version]);
}

/** `If-None-Match: *` asks for a creation, so it is refused where none is possible. */
const createsNothing = () =>
  new AppError("invalid_parameter", "If-None-Match: * creates items only", {
    errors: [
      {
        parameter: "If-None-Match",
        code: "invalid_value",
        detail: "Only PUT /items/{id} takes it",
      },
    ],
  });

/** The key belongs to this method, path and body; with any other it is refused later (422). */
export function useIdempotencyKey(c: Context<Env>, key: string, body: string): void {
  const request = `${c.req.method} ${c.req.path}\n${body}`;
  const fingerprint = createHash("sha256").update(request).digest("base64url");
  c.set("idempotency", { key, fingerprint });
}
