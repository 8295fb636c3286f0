/** Ids: how they are made, and which ones a path may have. */

import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";
import * as z from "zod";

/** Random bytes for some ids: to ask for each id's own costs 5 µs. */
const pool = Buffer.alloc(4_096);
const RANDOM = 16; // bytes of an id
let used = pool.length;

function randomBytes(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM;
  return pool.subarray(used - RANDOM, used);
}

let lastMs = 0;
let counter = 0; // 32 bits, of the ids in a millisecond

/**
 * Returns a UUIDv7. Ids of one process sort in the order of creation, within a millisecond too, and
 * if the clock is set back (RFC 9562, section 6.2, method 1).
 */
export function newId(): string {
  const random = randomBytes();
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = random.readUInt32BE(0) & 0x7f_ff_ff_ff; // so that it can be counted up
  } else {
    counter = (counter + 1) | 0;
    if (counter === 0) lastMs++;
  }
  return v7({ random, msecs: lastMs, seq: counter });
}

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
