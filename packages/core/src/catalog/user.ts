/**
 * Users. An email address belongs to at most one user, without regard to case: a unique value is
 * written and deleted in the transaction of the user that has it.
 */

import * as z from "zod";
import { AppError } from "../error.ts";
import { newId } from "../id.ts";
import { lazy } from "../lazy.ts";
import { atMostOne, paged, query } from "../store/pagination.ts";
import { recordStore } from "../store/record.ts";
import * as UniqueValue from "../store/unique-value.ts";
import type { Stored, UpdateBuilder } from "../store/update-expression.ts";
import type { Writer } from "../store/write.ts";
import { missingOr, text } from "../text.ts";

const Name = () => text(2, 100, { required: "Name required", tooShort: "Name too short" });

const EMAIL = /^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$/;

/** Stored as typed; compared without regard to case. */
const Email = () =>
  z
    .string({ error: missingOr("Email required", "Expected a string") })
    .trim()
    .superRefine((email, context) => {
      const issue = (code: string, message: string) =>
        context.addIssue({ code: "custom", message, params: { code } });
      if (email === "") issue("required", "Email required");
      else if (email.length > 254 || !EMAIL.test(email))
        issue("invalid_format", "Invalid email format");
    })
    .meta({ format: "email", pattern: EMAIL.source, maxLength: 254 });

const Phone = () => z.string().regex(/^[0-9]{10}$/);
const Age = () => z.int().min(18).max(120);
const Status = () => z.enum(["active", "disabled"]);

/** A person or system that the catalogue knows, as clients see it. */
export const Info = lazy(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      email: z.string(),
      phone: z.string().optional(),
      age: z.int().optional(),
      status: Status(),
      createdAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      version: z.int(),
    })
    .meta({ id: "User" }),
);
export type Info = z.output<typeof Info>;

export const Create = lazy(() =>
  z
    .strictObject({
      name: Name(),
      email: Email(),
      phone: Phone().optional(),
      age: Age().optional(),
      status: Status().default("active"),
    })
    .meta({ id: "UserRequest" }),
);

const fields = () => ({
  name: Name(),
  email: Email(),
  phone: Phone(),
  age: Age(),
  status: Status(),
});

export const Update = lazy(() => z.strictObject(fields()).partial().meta({ id: "UserUpdate" }));

/** A JSON merge patch (RFC 7396): `null` removes an optional member. */
export const Patch = lazy(() =>
  z
    .strictObject({ ...fields(), phone: Phone().nullable(), age: Age().nullable() })
    .partial()
    .meta({ id: "UserPatch" }),
);

export const List = lazy(() =>
  z.strictObject({ ...query(10), email: z.string().min(1).max(254).optional() }),
);

/** The email address as a unique value. The pattern allows only ASCII, so this folds all case. */
const emailKeyOf = (email: string): string => email.toLowerCase();

const emailTaken = () =>
  new AppError("email_exists", "Another user has this email address", {
    errors: [{ pointer: "/email", code: "not_unique", detail: "Email already exists" }],
  });

export const users = recordStore({
  kind: "USER",
  notFound: "user_not_found",
  name: "User",
  tombstoneSeconds: 90 * 24 * 60 * 60,
  decode: (stored): Info => {
    const { name, email, phone, age, status } = stored as Stored & Info;
    return {
      id: stored.sk,
      name,
      email,
      ...(phone !== undefined && { phone }),
      ...(age !== undefined && { age }),
      status,
      createdAt: stored.createdAt,
      updatedAt: stored.updatedAt,
      version: stored.version,
    };
  },
});

const newUser = (input: z.output<typeof Create>, writer: Writer) => {
  const id = newId();
  const emailKey = emailKeyOf(input.email);
  return users.newRecord(id, { ...input, emailKey }, writer, [
    UniqueValue.claim("EMAIL", emailKey, id, emailTaken),
  ]);
};

/** Throws `email_exists`. */
export const create = (input: z.output<typeof Create>, writer: Writer) =>
  users.create(newUser(input, writer), writer);

/** Creates all or none. Throws `email_exists`. */
export const createAll = async (inputs: readonly z.output<typeof Create>[], writer: Writer) => {
  UniqueValue.assertDistinct(
    inputs.map(({ email }) => emailKeyOf(email)),
    emailTaken,
  );
  return users.createAll(
    inputs.map((input) => newUser(input, writer)),
    writer,
  );
};

/** Changes the given members. Throws `user_not_found`, `email_exists`, `precondition_failed`. */
export const update = (
  id: string,
  input: z.output<typeof Patch>,
  writer: Writer,
  ifMatch?: readonly number[],
) => users.update(id, writer, ifMatch, updateFor(id, input));

const updateFor =
  (id: string, { email, phone, age, ...rest }: z.output<typeof Patch>): UpdateBuilder =>
  (current) => {
    const set = {
      ...rest,
      ...(phone !== undefined && { phone: phone ?? undefined }),
      ...(age !== undefined && { age: age ?? undefined }),
    };
    if (email === undefined) return { set };
    const emailKey = emailKeyOf(email);
    // Assume that the address stays the same, as in most updates; else the former one must be
    // freed.
    if (current === undefined) {
      return { set: { ...set, email }, conditions: [["emailKey", "=", emailKey]] };
    }
    const formerKey = String(current["emailKey"]);
    return {
      set: { ...set, email, emailKey },
      steps:
        formerKey === emailKey
          ? []
          : [
              UniqueValue.claim("EMAIL", emailKey, id, emailTaken),
              UniqueValue.release("EMAIL", formerKey, id),
            ],
    };
  };

/** Deletes the user and frees the email address. Throws `user_not_found`, `precondition_failed`. */
export const remove = (id: string, writer: Writer, ifMatch?: readonly number[]) =>
  users.remove(id, writer, ifMatch, (current) => [
    UniqueValue.release("EMAIL", String(current["emailKey"]), id),
  ]);

/** Throws `user_not_found`. */
export const get = (id: string): Promise<Info> => users.get(id);

/** Returns a page of all users, or the user with an email address. Throws `invalid_cursor`. */
export const list = async ({ email, ...page }: z.output<typeof List>) => {
  if (email === undefined) return paged("users", page, users.list);
  const owner = await UniqueValue.ownerOf("EMAIL", emailKeyOf(email.trim()));
  return atMostOne(owner === undefined ? undefined : await users.find(owner));
};
