import * as z from "zod";
import * as Cursor from "./signed-token.ts";
import type { List } from "./list.ts";

const MAX_LIMIT = 100;

/** The query parameters that each list takes. */
export const query = (defaultLimit: number) => ({
  limit: z
    .string()
    .refine((digits) => /^[0-9]{1,15}$/.test(digits), { error: "A whole number from 1" })
    .transform((digits) => Math.min(Number(digits), MAX_LIMIT))
    .refine((limit) => limit >= 1, { error: "A whole number from 1" })
    .default(defaultLimit)
    .meta({ type: "integer", minimum: 1, default: defaultLimit }),
  order: z.enum(["asc", "desc"]).default("desc"),
  nextToken: z.string().min(1).max(2048).optional(),
});

export interface Page<T> {
  items: T[];
  nextToken: string | null;
}

interface Request {
  limit: number;
  order: "asc" | "desc";
  nextToken?: string | undefined;
}

/** One page of the list called `scope`; its token reads only there. Throws `invalid_cursor`. */
export async function paged<T>(
  scope: string,
  { limit, order, nextToken }: Request,
  load: (list: List) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<Page<T>> {
  const bound = `${scope} ${order}`;
  const after = nextToken === undefined ? undefined : Cursor.decode(nextToken, bound);
  const { items, next } = await load({ limit, order, after });
  return { items, nextToken: next === undefined ? null : Cursor.encode(next, bound) };
}

/** What a filter by a unique attribute finds: one record or none. */
export const atMostOne = <T>(record: T | undefined): Page<T> => ({
  items: record === undefined ? [] : [record],
  nextToken: null,
});
