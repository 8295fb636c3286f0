import { v7 } from "uuid";
import * as z from "zod";

/** A UUIDv7: ids sort in the order in which one process made them, within a millisecond too. */
export const newId = (): string => v7();

// oxlint-disable-next-line no-control-regex -- control characters are some of what it looks for
const UNFIT = /[/\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** An id as a path carries it; what no record can have is refused before it reaches the table. */
export const PathId = z
  .string()
  .max(128)
  .refine((id) => id !== "" && id.isWellFormed() && !UNFIT.test(id));
