import type { Feed } from "@stockwire/core/catalog/index";
import type { Change } from "@stockwire/core/changes/change";
import { LiveError } from "../error.ts";
import type { Socket } from "./socket.ts";
import { changeFor, type ParsedTopic } from "./topic.ts";
import type { Track } from "./track.ts";

/** Ms of silence after which a subscribe frame counts as lost. */
const ANSWER_WITHIN = 30_000;

/** The topics of one subscription in one feed. */
export interface Leg {
  feed: Feed;
  topics: readonly ParsedTopic[];
  track: Track;
  /** Subscribed and caught up. */
  ready: () => void;
  refused: (error: LiveError) => void;
}

export type Placement = "done" | "failed" | "refused" | "unauthenticated" | "invalid_cursor";

/** Refusals that another try may find gone. */
const PASSING: ReadonlySet<string> = new Set(["unavailable", "internal"]);

/** What one connection is subscribed to. One frame a feed is on the way at a time. */
export class Lines {
  readonly #socket: Socket;
  readonly #legs: ReadonlySet<Leg>;
  readonly #busy = new Map<Feed, Promise<unknown>>();
  readonly #queued = new Map<Leg, Promise<Placement>>();
  readonly placed = new WeakSet<Leg>();

  constructor(socket: Socket, legs: ReadonlySet<Leg>) {
    this.#socket = socket;
    this.#legs = legs;
  }

  /** Subscribes a leg after what it has; once, however often it is asked for before it begins. */
  subscribe(leg: Leg): Promise<Placement> {
    const queued = this.#queued.get(leg);
    if (queued) return queued;
    const placement = this.#next(leg.feed, () => {
      this.#queued.delete(leg);
      return this.#subscribe(leg);
    });
    this.#queued.set(leg, placement);
    return placement;
  }

  /** Ends the topics that no leg has any more. */
  async unsubscribe({ feed, topics }: Leg): Promise<void> {
    await this.#next(feed, async () => {
      const unused = topics.filter(
        ({ key }) => ![...this.#legs].some((leg) => leg.topics.some((topic) => topic.key === key)),
      );
      if (unused.length === 0) return;
      const texts = unused.map(({ text }) => text);
      await new Promise<void>((done) => {
        this.#socket.ask({ action: "unsubscribe", topics: texts }, ANSWER_WITHIN, () => {
          done();
          return true;
        });
      });
    });
  }

  #next<T>(feed: Feed, work: () => Promise<T>): Promise<T> {
    const turn = (this.#busy.get(feed) ?? Promise.resolve()).then(work);
    this.#busy.set(feed, turn);
    return turn;
  }

  #subscribe(leg: Leg): Promise<Placement> {
    return new Promise((done) => {
      if (!this.#legs.has(leg) || leg.track.stalled) {
        done("done");
        return;
      }
      const window = leg.track.begin();
      const { since } = window;
      const end = (placement: Placement): true => {
        if (placement === "done") {
          this.placed.add(leg);
          if (leg.track.settled) leg.ready();
        } else {
          window.abort();
        }
        done(placement);
        return true;
      };
      const topics = leg.topics.map(({ text }) => text);
      const frame = { action: "subscribe", topics, ...(since !== undefined && { since }) } as const;
      this.#socket.ask(frame, ANSWER_WITHIN, (reply) => {
        switch (reply?.type) {
          case "subscribed":
            window.subscribed(reply.cursor);
            return since === undefined && end("done");
          case "reset":
            window.reset(reply.reason, reply.cursor);
            return false;
          case "caught_up":
            window.caughtUp(reply.cursor);
            return end("done");
          case "error": {
            const { code, detail } = reply;
            if (code === "unauthenticated" || code === "invalid_cursor") return end(code);
            if (PASSING.has(code)) return end("failed");
            end("refused");
            leg.refused(new LiveError(code, detail));
            return true;
          }
          case undefined:
            return end("failed");
          default:
            return false;
        }
      });
    });
  }
}

/** Gives each leg what is its own among the changes that a connection told. */
export function distribute(changes: readonly Change[], legs: ReadonlySet<Leg>): void {
  for (const change of changes) {
    const concerned = [...legs].filter(({ feed }) => feed === change.feed);
    const keys = new Set(concerned.flatMap(({ topics }) => topics.map(({ key }) => key)));
    for (const { topics, track } of concerned) {
      const alone = topics.length === keys.size;
      const own = changeFor(change, topics, alone);
      if (own) track.offer(own);
    }
  }
}
