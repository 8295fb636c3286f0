/**
 * The body of `GET /changes/stream`: pages of the change log as server-sent events. Every page has its
 * cursor as event id. Nothing may fail once the stream has begun, because no gateway says how it would
 * end then: an error becomes an event, and the last event is always `end`.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

import type { Feed } from "@stockwire/core/catalog/index";
import { follow } from "@stockwire/core/changes/follow";
import type { ChangesPage } from "@stockwire/core/changes/long-poll";
import { AppError } from "@stockwire/core/error";
import type { Log } from "../telemetry/log.ts";
import { located } from "./answer.ts";
import type { StreamChanges } from "./env.ts";
import { problemOf } from "./problem.ts";

interface Options {
  /** Ms after which a stream ends. The token's expiry can end it earlier. */
  lifetime: number;
  /** Ms without a change after which a comment is sent. */
  heartbeat: number;
  log: Log;
  /** Watches a stream: each sending of changes, until the reader has taken them. */
  watch?: (feed: Feed) => {
    begin: () => void;
    send: (changes: number) => () => void;
    end: () => void;
  };
}

/** Why a stream ended; the data of `end`, and of the log line. */
type Reason = "time_limit" | "token_expired" | "reset" | "error";

/** After how many ms a client reconnects. */
const RETRY = 1_000;

const pageEvent = ({ events, cursor, more }: ChangesPage) =>
  `id: ${cursor}\nevent: changes\ndata: ${JSON.stringify({ events, cursor, more })}\n\n`;

/** Moves the client's last event id without an event: a comment, and an id without data. */
const quietEvent = ({ cursor }: ChangesPage) => `: no change\nid: ${cursor}\n\n`;

const namedEvent = (name: string, data: unknown) =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Returns the function that answers `GET /changes/stream`. */
export const createChangeStream =
  ({ lifetime, heartbeat, log, watch }: Options): StreamChanges =>
  async (c, topic, { since, parameter }) => {
    const { requestId, caller, route } = c.var;
    const began = Date.now();
    const expiry = caller.expiresAt === null ? Infinity : Date.parse(caller.expiresAt);
    // A gateway that caches its authorizer's answer can admit an expired token.
    if (expiry <= began) throw new AppError("unauthenticated", "The token has expired");
    const until = Math.min(began + lifetime, expiry);
    const left = new AbortController();
    const { signal } = left;
    const pages = follow(topic, since, { until, idle: heartbeat, signal, parameter });
    // Read before the answer begins, so that an invalid cursor is a problem with its status.
    const first = await pages.next();
    const watched = watch?.(topic.feed);
    let changes = 0;
    let reason: Reason | "left" = until === expiry ? "token_expired" : "time_limit";

    function* sending(count: number, text: string): Generator<string, void, undefined> {
      changes += count;
      const taken = count > 0 ? watched?.send(count) : undefined;
      try {
        yield text;
      } finally {
        taken?.();
      }
    }

    async function* events(): AsyncGenerator<string, void, undefined> {
      watched?.begin();
      try {
        if (!first.done) {
          // The first page is sent even if it is empty: from here on the client has a cursor.
          const text = `: changes of one topic\nretry: ${RETRY}\n${pageEvent(first.value)}`;
          yield* sending(first.value.events.length, text);
        }
        for await (const page of pages) {
          const { length } = page.events;
          yield* sending(length, length > 0 ? pageEvent(page) : quietEvent(page));
        }
        if (!signal.aborted) yield namedEvent("end", { reason });
      } catch (error) {
        const problem = problemOf(error);
        reason = problem.code === "cursor_expired" ? "reset" : "error";
        if (problem.status >= 500) log.error(problem.title, error, { requestId });
        yield namedEvent(reason, located(c, problem)) + namedEvent("end", { reason });
      } finally {
        const durationMs = Date.now() - began;
        if (signal.aborted) reason = "left";
        watched?.end();
        log.info("stream", { requestId, route: route.path, reason, changes, durationMs });
      }
    }

    return c.body(streamOf(events(), left), 200, { "Content-Type": "text/event-stream" });
  };

/** A stream that asks for the next text only when its reader does. A reader who leaves ends the texts. */
function streamOf(
  texts: AsyncGenerator<string, void, undefined>,
  left: AbortController,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await texts.next();
        if (left.signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        left.abort();
        await texts.return();
      },
    },
    { highWaterMark: 0 },
  );
}
