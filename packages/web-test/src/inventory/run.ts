/**
 * Carries out a count in chunks, each all or none. A chunk has a key of its own, which a repetition has
 * as well: the server carries it out once, also if it is killed between the effect and the answer.
 */

import type { Difference } from "./difference.ts";

/** Products of one request; the server takes no more. */
export const CHUNK = 25;

export interface Outcome {
  difference: Difference;
  /** `held`: not counted, since another product of its chunk was refused. */
  kind: "counted" | "refused" | "held";
  /** Why the server refused it. */
  refusal?: string;
}

interface Options {
  /** Starts the keys of this count: the same for all tries of it, and for no other count. */
  run: string;
  /** Counts a chunk, all or none. Throws if it was not carried out, or if that is unknown. */
  send: (chunk: readonly Difference[], key: string) => Promise<unknown>;
  /** The refused products with their reasons; undefined if another try can mend the error. */
  refusalsOf: (
    error: unknown,
    chunk: readonly Difference[],
  ) => ReadonlyMap<Difference, string> | undefined;
  /** Resolves when another try makes sense, such as when the server is back. */
  untilBack: (failures: number) => Promise<void>;
  onProgress: (outcomes: readonly Outcome[]) => void;
  /** Ends the count after the request in flight. */
  signal: AbortSignal;
}

/** Counts all, chunk after chunk. Resolves with an outcome for each that was answered. */
export async function runCount(
  all: readonly Difference[],
  { run, send, refusalsOf, untilBack, onProgress, signal }: Options,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const settle = async (chunk: readonly Difference[], key: string): Promise<Outcome[]> => {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await send(chunk, key);
        return chunk.map((difference) => ({ difference, kind: "counted" }));
      } catch (error) {
        const refusals = refusalsOf(error, chunk);
        if (refusals) return chunk.map((difference) => outcomeOf(difference, refusals));
        await untilBack(failures);
      }
    }
    return [];
  };
  for (let from = 0; from < all.length && !signal.aborted; from += CHUNK) {
    outcomes.push(...(await settle(all.slice(from, from + CHUNK), `${run}.${from / CHUNK}`)));
    onProgress([...outcomes]);
  }
  return outcomes;
}

function outcomeOf(difference: Difference, refusals: ReadonlyMap<Difference, string>): Outcome {
  const refusal = refusals.get(difference);
  return refusal === undefined
    ? { difference, kind: "held" }
    : { difference, kind: "refused", refusal };
}
