import { AppError } from "@stockwire/core/error";
import * as z from "zod";
import { refusal } from "../input.ts";

const TAGS = /^(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*$/;
const TAG = /(?:W\/)?"[^"]*"/g;

const tags = z
  .string()
  .max(1024)
  .transform((list) => list.trim())
  .refine((list) => list === "*" || TAGS.test(list), { error: "Not a list of entity tags" })
  .transform((list) => (list === "*" ? ("*" as const) : (list.match(TAG) ?? [])));

/** The conditions and keys that any request may carry (contract, sections 7 and 10). */
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

/** Throws `invalid_parameter` with the header's name. */
export function conditionsOf(header: (name: string) => string | undefined) {
  const given = Object.fromEntries(
    Object.keys(Conditions.shape).map((name) => [name, header(name)]),
  );
  const result = Conditions.safeParse(given);
  if (!result.success) throw refusal("header", result.error.issues);
  const { data } = result;
  return {
    ifMatch: data["if-match"] === "*" ? undefined : data["if-match"]?.map(versionOf),
    ifNoneMatch: data["if-none-match"],
    idempotencyKey: data["idempotency-key"],
    clientRef: data["x-client-ref"],
  };
}

/** The version that a strong tag of ours names; no record has version 0. */
function versionOf(tag: string): number {
  const version = /^"([1-9][0-9]{0,14})"$/.exec(tag)?.[1];
  return version === undefined ? 0 : Number(version);
}

/** `*` in If-None-Match makes sense where a record may be created; else the caller is told. */
export const refuseCreation = () =>
  new AppError("invalid_parameter", "If-None-Match: * creates items only", {
    errors: [
      {
        parameter: "If-None-Match",
        code: "invalid_value",
        detail: "Only PUT /items/{id} takes it",
      },
    ],
  });

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/** The caller's own request id, if it is fit to be repeated. */
export const requestIdOf = (given: string | undefined): string | undefined =>
  given !== undefined && REQUEST_ID.test(given) ? given : undefined;
