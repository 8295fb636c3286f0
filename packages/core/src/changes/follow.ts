/**
 * Follows a topic of the change log for minutes. Each page is one long poll from the cursor of the page
 * before it, so a follower gets what `GET /changes` would answer, and learns as soon as a long poll does
 * that its cursor has expired. One page is held at a time: the next is read when it is asked for.
 */

import { type ChangesPage, poll } from "./long-poll.ts";
import type { Topic } from "./topic.ts";

/** Ms between reads of the log while there is nothing new: a change is 50 ms late on average. */
const INTERVAL = 100;
/** Changes in a page. */
const LIMIT = 100;
/** Bytes of changes in a page, as `answerBytes` counts them. A page that is cut off is sent again. */
const MAX_BYTES = 256 * 1024;

interface Options {
  /** When to stop, in epoch ms. */
  until: number;
  /** Ms without a change after which a page without changes is returned, with a newer cursor. */
  idle: number;
  /** Stops the iteration early, without an error. */
  signal: AbortSignal;
  /** Where the cursor came from, for the error of one that is not valid. By default `since`. */
  parameter?: string;
}

/**
 * Returns the pages of a topic after the cursor `since`, or from now on, in order and without a gap.
 * The first comes immediately, with or without changes, and so shows that the cursor is valid. To
 * continue after the end, or after an error, begin again with the cursor of the last page.
 *
 * `next` throws `invalid_cursor` for the first page, and `cursor_expired` and `unavailable` for any.
 */
export async function* follow(
  topic: Topic,
  since: string | undefined,
  { until, idle, signal, parameter = "since" }: Options,
): AsyncGenerator<ChangesPage, void, undefined> {
  const bounds = { limit: LIMIT, interval: INTERVAL, maxBytes: MAX_BYTES, signal };
  let page = await poll(topic, since, { ...bounds, wait: 0, parameter });
  for (;;) {
    yield page;
    const wait = Math.min(idle, until - Date.now());
    if (signal.aborted || wait <= 0) return;
    try {
      page = await poll(topic, page.cursor, { ...bounds, wait });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    // What was read too late is left for the next reader, whose cursor is before it.
    if (Date.now() >= until) return;
  }
}
