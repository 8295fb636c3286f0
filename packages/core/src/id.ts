/** Ids: how they are made, and which ones a path may have. */

import { v7 } from "uuid";
import * as z from "zod";

/** Returns a UUIDv7. Ids of one process sort in the order of creation, within a millisecond too. */
export const newId = (): string => v7();

// oxlint-disable-next-line no-control-regex -- control characters are part of what is refused
const FORBIDDEN = /[/\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** An id in a path. An id that no record can have is refused before the store is asked. */
export const PathId = z
  .string()
  .max(128)
  .refine((id) => id !== "" && id.isWellFormed() && !FORBIDDEN.test(id));
