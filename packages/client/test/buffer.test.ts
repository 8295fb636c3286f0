/** The bounds of what a client keeps in memory for a gap and for a slow reader. */

import type { Change } from "@stockwire/core/changes/change";
import { describe, expect, it } from "vitest";
import { createChangeBuffer } from "../src/live/change-buffer.ts";
import { StreamQueue } from "../src/live/subscription.ts";

const change = (seq: number) => ({ feed: "products", seq, id: "a", version: seq }) as Change;

describe("the buffer behind a gap", () => {
  it("keeps the changes that are due first, and remembers that it has dropped others", () => {
    const buffer = createChangeBuffer(3);
    for (const seq of [5, 9, 7]) buffer.add(change(seq));
    expect(buffer.overflowed).toBe(false);
    for (const seq of [6, 8]) buffer.add(change(seq));
    expect(buffer.inOrder().map(({ seq }) => seq)).toEqual([5, 6, 7]);
    expect(buffer.overflowed).toBe(true);
  });
});

describe("the queue of a slow reader", () => {
  it("takes 1 000 changes and refuses all others until it is empty", async () => {
    let drained = 0;
    const queue = new StreamQueue(() => drained++);
    const taken = Array.from({ length: 1_002 }, (_, n) => queue.offer(change(n + 1)));
    expect(taken.lastIndexOf(true)).toBe(999);
    expect(taken.indexOf(false)).toBe(1_000);
    const reader = queue.read();
    for (let n = 0; n < 1_000; n++) await reader.next();
    expect(drained).toBe(0);
    const next = reader.next(); // waits, since the queue is empty
    expect(drained).toBe(1);
    expect(queue.offer(change(2_000))).toBe(true);
    expect(await next).toMatchObject({ value: { type: "event", event: { seq: 2_000 } } });
  });
});
