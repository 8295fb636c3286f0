/**
 * Brings one row into the server: creates the record, or changes it if a member differs. A repetition
 * changes nothing: what has a key is compared first, what has none is sent under an `Idempotency-Key`
 * of its file and line.
 */

import { randomUUID } from "node:crypto";
import { type Client, ProblemError, unwrap } from "@stockwire/client";
import { access, type Stored } from "./access.ts";
import { keyOf, type Resource, type Values } from "./resource.ts";

export type Outcome = "created" | "updated" | "unchanged";

/** How often a record may be written by others while it is compared. */
const ATTEMPTS = 5;

/** Another writer was faster: what is there now must be compared again. */
const RACE: ReadonlySet<string> = new Set([
  "precondition_failed",
  "email_exists",
  "sku_exists",
  "user_not_found",
  "product_not_found",
  "item_not_found",
]);

/**
 * Makes the server's record equal to the row, in the members that the row has. Members that it does not
 * have stay as they are, except those of items, which are replaced. `idempotencyKey` is the same for
 * each import of this line. Throws `ProblemError`.
 */
export async function upsert(
  client: Client,
  resource: Resource,
  row: Values,
  idempotencyKey: string,
): Promise<Outcome> {
  const { find, changeOf, create, change } = access[resource];
  const hasKey = keyOf(resource, row) !== undefined;
  for (let attempt = 1; ; attempt++) {
    const current = await find(client, row);
    // With a key the client repeats a call whose answer was lost.
    const key = { "Idempotency-Key": hasKey ? randomUUID() : idempotencyKey };
    try {
      if (current === undefined) {
        const answer = await create(client, row, key);
        await unwrap(answer);
        return answer.headers.has("Idempotency-Replayed") && !hasKey ? "unchanged" : "created";
      }
      const body = changeOf(row, current);
      if (body === undefined) return "unchanged";
      const headers = { ...key, "If-Match": `"${current.version}"` };
      const { version } = (await change(client, current.id, body, headers)) as Stored;
      return version === current.version ? "unchanged" : "updated";
    } catch (error) {
      const isRace = error instanceof ProblemError && RACE.has(error.code);
      if (!isRace || attempt === ATTEMPTS) throw error;
    }
  }
}
