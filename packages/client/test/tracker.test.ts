import type { Change } from "@stockwire/core/changes/change";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Clock } from "./clock.ts";
import { createTracker, type Replay, type Tracker } from "../src/live/tracker.ts";
import { trackerTable } from "../src/live/tracker-state.ts";

/** Runs of each property; more by `MODEL_RUNS`. */
const RUNS = Number(process.env["MODEL_RUNS"] ?? 300);
const STATES = Object.keys(trackerTable);
const BUFFER = 4;

const cursorAt = (seq: number) => `at-${seq}`;
const seqOf = (cursor: string) => Number(cursor.slice(3));

interface Delivery extends Pick<Change, "id" | "seq" | "version"> {}

/** A replay whose answer the test sends in steps. */
interface Answer {
  replay: Replay;
  steps: (() => void)[];
}

/**
 * A change log and one tracker of it. `RECORDS` are in the tracker's topics; `z` is not, so that a
 * part of a feed has gaps in `seq`.
 */
const RECORDS = ["a", "b", "c"] as const;
class Model {
  readonly log: Change[] = [];
  readonly clock = new Clock();
  readonly tracker: Tracker;
  readonly whole: boolean;
  /** What the consumer got since the last reset. */
  delivered: Delivery[] = [];
  /** The seq after which everything must be delivered; undefined until it is known. */
  start: number | undefined = 0;
  readonly answers: Answer[] = [];
  accepts = true;
  closesNext = false;
  closed = false;
  requested = 0;
  readonly offered = new Set<number>();
  /** The number of each record's changes that arrived, or were lost, on the live path. */
  readonly arrived = new Map<string, number>();

  constructor(whole: boolean) {
    this.whole = whole;
    this.tracker = createTracker(
      {
        feed: "products",
        whole,
        since: cursorAt(0),
        holdFor: 500,
        buffer: BUFFER,
        timers: this.clock,
      },
      {
        deliver: (change) => this.deliver(change),
        reset: () => {
          expect(this.closed).toBe(false);
          this.delivered = [];
        },
        subscribe: () => this.requested++,
      },
    );
  }

  deliver(change: Change): boolean {
    expect(this.closed).toBe(false);
    if (!this.accepts) return false;
    const { id, seq, version } = change;
    if (this.whole) {
      const last = this.delivered.at(-1);
      if (last) expect(seq).toBe(last.seq + 1);
    } else {
      expect(this.delivered.map((one) => one.seq)).not.toContain(seq);
      const last = this.delivered.findLast((one) => one.id === id);
      if (last) expect(version).toBeGreaterThan(last.version);
    }
    this.delivered.push({ id, seq, version });
    if (this.closesNext) this.close();
    return true;
  }

  append(id: string): void {
    const version = this.changesOf(id).length + 1;
    const seq = this.log.length + 1;
    this.log.push({
      feed: "products",
      seq,
      cursor: cursorAt(seq),
      op: version === 1 ? "create" : "update",
      id,
      version,
      at: "2026-11-21T00:43:40.123Z",
      actor: "ana",
      requestId: "request-1",
      changed: [],
      data: { id, version },
    });
  }

  changesOf = (id: string): Change[] => this.log.filter((change) => change.id === id);

  /** The changes that the server sends for the tracker's topics. */
  matching = (from: number, to = this.log.length): Change[] =>
    this.log.slice(from, to).filter(({ id }) => this.whole || id !== "z");

  /**
   * A change arrives. One from before the start arrives once at most: a second time, it could be
   * taken for the first one that is wanted (see the test about that).
   */
  offer(change: Change): void {
    const { seq } = change;
    if (seq <= (this.start ?? Infinity) && this.offered.has(seq)) return;
    this.offered.add(seq);
    this.tracker.offer(change);
  }

  /** The next change of a record that has not arrived yet arrives, or is lost. */
  arrive(id: string, lost: boolean): void {
    const count = this.arrived.get(id) ?? 0;
    const change = this.changesOf(id)[count];
    if (!change || (!this.whole && id === "z")) return;
    // In a part of a feed, the loss of a record's first change cannot be noticed by its versions.
    if (lost && !this.whole && !this.delivered.some((one) => one.id === id)) return;
    this.arrived.set(id, count + 1);
    if (!lost) this.offer(change);
  }

  /** A change arrives again; in a whole feed also one that has not arrived before. */
  repeat(n: number): void {
    const known = this.log.filter(
      ({ id, version }) => this.whole || (id !== "z" && version <= (this.arrived.get(id) ?? 0)),
    );
    const change = known[n % Math.max(known.length, 1)];
    if (change) this.offer(change);
  }

  /** A subscribe frame is sent. A server whose answers are correct answers it, step by step. */
  subscribe(expired: boolean): void {
    const replay = this.tracker.begin();
    if (!replay) return;
    const { since } = replay;
    const head = this.log.length;
    const steps: (() => void)[] = [];
    if (since === undefined) {
      steps.push(() => {
        if (this.isLast(replay)) this.start = head;
        replay.subscribed(cursorAt(head));
      });
    } else if (expired) {
      steps.push(() => replay.subscribed(cursorAt(head)));
      steps.push(() => {
        if (this.isLast(replay)) this.start = head;
        replay.reset(cursorAt(head), "cursor_expired");
      });
      steps.push(() => replay.caughtUp(cursorAt(head)));
    } else {
      steps.push(() => replay.subscribed(since));
      for (const change of this.matching(seqOf(since), head)) {
        steps.push(() => this.offer(change));
      }
      steps.push(() => replay.caughtUp(cursorAt(head)));
    }
    this.answers.push({ replay, steps });
  }

  /** True for the answer that the tracker still waits for. */
  isLast = (replay: Replay): boolean =>
    this.answers.at(-1)?.replay === replay &&
    ["anchoring", "replaying"].includes(this.tracker.state);

  /** The server sends more steps of the n-th answer, or of the last one. */
  answer(n: number, steps: number): void {
    const answer = this.answers.at(n < 0 ? n : n % Math.max(this.answers.length, 1));
    for (const step of answer?.steps.splice(0, steps) ?? []) step();
  }

  /** The server breaks off an answer. */
  fail(n: number): void {
    const answer = this.answers[n % Math.max(this.answers.length, 1)];
    if (!answer || answer.steps.length === 0) return;
    answer.steps.length = 0;
    answer.replay.fail();
  }

  restart(): void {
    if (this.tracker.state === "closed") return;
    // A server that does not know the cursor breaks off what it answers to such cursors.
    for (const { replay, steps } of this.answers) steps.splice(0, Infinity, () => replay.fail());
    this.start = undefined;
    this.tracker.restart("invalid_cursor");
  }

  close(): void {
    this.closed = true;
    this.tracker.close();
  }

  /** Lets everything succeed from here on. */
  async settle(): Promise<void> {
    this.accepts = true;
    this.requested++; // on another connection
    for (let quiet = 0, round = 0; quiet < 3; round++) {
      expect(round).toBeLessThan(100);
      this.tracker.resume();
      this.tracker.head(cursorAt(this.log.length));
      await this.clock.advance(60_000, async () => undefined);
      quiet = this.requested === 0 && this.start !== undefined ? quiet + 1 : 0;
      if (quiet > 0) continue;
      this.requested = 0;
      this.subscribe(false);
      this.answer(-1, Infinity);
    }
  }
}

type Step = readonly [string, ...unknown[]];

const index = fc.nat(100);
const count = fc.constantFrom(1, 2, 4, 8, 16);
const record = fc.constantFrom(...RECORDS, "z");
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constant("append"), record) },
    { weight: 6, arbitrary: fc.tuple(fc.constant("arrive"), record) },
    { weight: 6, arbitrary: fc.tuple(fc.constant("write"), record, fc.nat(2)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("repeat"), index) },
    { weight: 5, arbitrary: fc.tuple(fc.constant("subscribe")) },
    { weight: 8, arbitrary: fc.tuple(fc.constant("answer"), fc.constant(-1), count) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("answer"), index, count) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("fail", "head"), index) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("wait"), fc.constantFrom(100, 600, 40_000)) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("refuse", "resume", "resume")) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("restart", "expire")) },
  ),
  { minLength: 10, maxLength: 100, size: "max" },
);

async function take(model: Model, [kind, one, two]: Step): Promise<void> {
  switch (kind) {
    case "append":
      return model.append(String(one));
    case "arrive":
      return model.arrive(String(one), false);
    case "write":
      model.append(String(one));
      return model.arrive(String(one), two === 0);
    case "repeat":
      return model.repeat(Number(one));
    case "subscribe":
    case "expire":
      return model.subscribe(kind === "expire");
    case "answer":
      return model.answer(Number(one), Number(two));
    case "fail":
      return model.fail(Number(one));
    case "head":
      return model.tracker.head(cursorAt(Number(one) % (model.log.length + 1)));
    case "wait":
      return model.clock.advance(Number(one), async () => undefined);
    case "refuse":
      model.accepts = false;
      return;
    case "resume":
      model.accepts = true;
      return model.tracker.resume();
    case "restart":
      return model.restart();
    case "lie": {
      const { replay } = model.answers[Number(one) % Math.max(model.answers.length, 1)] ?? {};
      const cursor = cursorAt(Number(one) % 7);
      if (two === "reset") replay?.reset(cursor, "cursor_expired");
      else replay?.[two as "subscribed" | "caughtUp" | "fail"](cursor);
      return;
    }
    case "close in a handler":
      model.closesNext = true;
      return;
    default:
      return model.close();
  }
}

async function run(model: Model, all: readonly Step[]): Promise<void> {
  for (const step of all) {
    await take(model, step);
    expect(STATES).toContain(model.tracker.state);
  }
}

describe("the tracker of a feed", () => {
  it.each([
    ["a whole feed", true],
    ["a part of a feed", false],
  ])("delivers each change of %s once and in order, and in the end all", async (_, whole) => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const model = new Model(whole);
        await run(model, all);
        await model.settle();
        expect(["unanchored", "live"]).toContain(model.tracker.state);
        const seqs = model.delivered.map(({ seq }) => seq).toSorted((one, other) => one - other);
        expect(seqs).toEqual(model.matching(model.start ?? 0).map(({ seq }) => seq));
      }),
      { numRuns: RUNS },
    );
  });

  it("never skips or repeats a change of a whole feed, even if the server's answers are wrong", async () => {
    const lies = fc.tuple(
      fc.constant("lie"),
      index,
      fc.constantFrom("subscribed", "reset", "caughtUp", "fail"),
    );
    const ends = fc.tuple(fc.constantFrom("close", "close in a handler"));
    const wrong = fc.array(
      fc.oneof(
        { weight: 10, arbitrary: lies },
        { weight: 30, arbitrary: steps.map(([first]) => first ?? (["append", "a"] as const)) },
        { weight: 1, arbitrary: ends },
      ),
      { maxLength: 80 },
    );
    await fc.assert(
      fc.asyncProperty(wrong, async (all) => {
        const model = new Model(true);
        await run(model, all);
        model.close();
        expect(model.tracker.state).toBe("closed");
        expect(model.clock.pending).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it("begins again if an old change that arrived twice was taken for the first one", async () => {
    const model = new Model(true);
    for (let n = 0; n < 5; n++) model.append("a");
    const clock = new Clock();
    const delivered: (number | string)[] = [];
    let requested = 0;
    const tracker = createTracker(
      {
        feed: "products",
        whole: true,
        since: cursorAt(5),
        holdFor: 500,
        buffer: 10,
        timers: clock,
      },
      {
        deliver: ({ seq }) => delivered.push(seq) > 0,
        reset: (reason) => delivered.push(reason),
        subscribe: () => requested++,
      },
    );
    const offer = (seq: number) => model.log.slice(seq - 1, seq).forEach(tracker.offer);
    offer(2);
    const first = tracker.begin();
    offer(2);
    first?.caughtUp(cursorAt(5));
    model.append("a");
    offer(6);
    for (let wait = 500; tracker.state === "gap"; wait *= 2) {
      await clock.advance(wait);
      while (requested > 0) {
        requested = 0;
        const replay = tracker.begin();
        offer(6);
        replay?.caughtUp(cursorAt(6));
      }
    }
    expect(tracker.state).toBe("live");
    expect(delivered).toEqual([2, "invalid_cursor", 6]);
  });
});
