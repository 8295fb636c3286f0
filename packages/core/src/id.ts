/** Ids: how they are made, and which ones a path may have. */

import { v7 } from "uuid";
import * as z from "zod";

/** Returns a UUIDv7. Ids of one process sort in the order of creation, within a millisecond too. */
export const newId = (): string => v7();

// oxlint-disable-next-line no-control-regex -- control characters are part of what is refused
const FORBIDDEN = /[/\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Returns the form of an id in which it is stored. Some clients print UUIDs in capitals, which are
 * the same UUIDs (RFC 9562, section 4). Not for ids of items, which clients choose: there case
 * counts.
 */
export const canonicalId = (id: string): string => (UUID.test(id) ? id.toLowerCase() : id);

/** An id in a path. An id that no record can have is refused before the store is asked. */
export const PathId = z
  .string()
  .max(128)
  .refine((id) => id !== "" && id.isWellFormed() && !FORBIDDEN.test(id));
