/** The headers that any request may carry: conditions, Idempotency-Key, X-Client-Ref. */

import { AppError } from "@stockwire/core/error";
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

const tags = z
  .string()
  .max(1024)
  .transform((list) => list.trim())
  .refine((list) => list === "*" || TAGS.test(list), { error: "Not a list of entity tags" })
  .transform((list) => (list === "*" ? ("*" as const) : [...new Set(list.match(TAG) ?? [])]))
  .refine((list) => list === "*" || list.length <= MAX_TAGS, {
    error: `At most ${MAX_TAGS} different entity tags`,
  });

const Conditions = z.object({
  "if-match": tags.optional(),
  "if-none-match": tags.optional(),
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional(),
  "x-client-ref": z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional(),
});

/**
 * Validates the headers and leaves the conditions in the context. Returns the idempotency key of a
 * request that may write. Throws `invalid_parameter` with the header's name.
 */
export function readConditions(c: Context<Env>, route: Route): { idempotencyKey?: string } {
  const given = Object.fromEntries(
    Object.keys(Conditions.shape).map((name) => [name, c.req.header(name)]),
  );
  const result = Conditions.safeParse(given);
  if (!result.success) throw invalidInput("header", result.error.issues);
  const { data } = result;
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch, "idempotency-key": key } = data;
  c.set("ifMatch", ifMatch === "*" ? undefined : ifMatch && [...new Set(ifMatch.map(versionOf))]);
  c.set("ifNoneMatch", ifNoneMatch);
  c.set("clientRef", data["x-client-ref"]);
  const creates = route.method === "PUT" && 201 in route.answers;
  if (ifNoneMatch === "*" && route.method !== "GET" && !creates) throw createsNothing();
  return key !== undefined && route.method !== "GET" ? { idempotencyKey: key } : {};
}

/**
 * The version in one of our own strong tags, also in that of an expired reservation; 0, which no
 * record has, for any other tag.
 */
function versionOf(tag: string): number {
  const version = /^"([1-9][0-9]{0,14})(?:\.expired)?"$/.exec(tag)?.[1];
  return version === undefined ? 0 : Number(version);
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
