import type { Change } from "../changes/change.ts";
import { type Logged, told } from "../changes/log.ts";
import * as Position from "../changes/offset.ts";
import { opFor } from "../changes/topic.ts";

/** As many changes, and as many bytes, as one frame of the Live API holds. */
const MAX_CHANGES = 100;
export const MAX_BYTES = 32 * 1024;

/** Frames with those of the changes that somebody who listens to some topics is told. */
export function eventFrames(
  changes: readonly Logged[],
  listens: (key: string) => boolean,
): string[] {
  const frames: string[] = [];
  let texts: string[] = [];
  let covered: Logged[] = [];
  let bytes = 0;
  const end = () => {
    if (texts.length === 0) return;
    const cursor = Position.encode(positionAfter(covered));
    frames.push(`{"type":"events","events":[${texts.join(",")}],"cursor":"${cursor}"}`);
    texts = [];
    covered = [];
    bytes = 0;
  };
  for (const change of changes) {
    const op = opFor(change, listens);
    if (op === undefined) continue;
    const text = JSON.stringify(told(change, op) satisfies Change);
    const size = Buffer.byteLength(text) + 1;
    if (texts.length === MAX_CHANGES || bytes + size > MAX_BYTES - ENVELOPE) end();
    texts.push(text);
    covered.push(change);
    bytes += size;
  }
  end();
  return frames;
}

/** What surrounds the changes of a frame, its cursor over all feeds included. */
const ENVELOPE = 320;

/** The position after some changes, each feed's in the order of their numbers. */
export function positionAfter(changes: readonly Logged[]): Position.Position {
  const times = changes.map(({ at }) => Date.parse(at));
  return {
    seqs: Object.fromEntries(changes.map(({ feed, seq }) => [feed, seq])),
    at: Math.min(...times),
  };
}
