/** Which of the received changes are listed, and how they are exported. */

import type { Change } from "../catalog.ts";

export interface ChangeFilter {
  /** A part of the record's id. */
  record: string;
  /** A part of the actor's name. */
  actor: string;
}

export const EVERYTHING: ChangeFilter = { record: "", actor: "" };

/** True if a change passes the filter; an empty text lets everything pass, and case does not count. */
export function passes({ record, actor }: ChangeFilter, change: Pick<Change, "id" | "actor">) {
  const holds = (text: string, part: string) =>
    text.toLowerCase().includes(part.trim().toLowerCase());
  return holds(change.id, record) && holds(change.actor, actor);
}

/** One JSON object on each line, oldest first, as the server sent them. */
export const linesOf = (newestFirst: readonly Change[]): string =>
  newestFirst
    .toReversed()
    .map((change) => `${JSON.stringify(change)}\n`)
    .join("");

interface Placed {
  at: string;
  feed: string;
  seq: number;
}

/**
 * The last `count` changes of several feeds, newest first. Within a feed the order is that of `seq`,
 * also where times of requests that overlap go back.
 */
export function newestOf<T extends Placed>(feeds: readonly (readonly T[])[], count: number): T[] {
  const waiting = feeds.map((changes) => changes.toSorted((a, b) => a.seq - b.seq));
  const newest: T[] = [];
  while (newest.length < count) {
    let best: T[] | undefined;
    for (const changes of waiting) {
      const [last, other] = [changes.at(-1), best?.at(-1)];
      if (last && (!other || last.at > other.at)) best = changes;
    }
    const change = best?.pop();
    if (!change) break;
    newest.push(change);
  }
  return newest;
}
