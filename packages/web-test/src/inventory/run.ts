/**
 * Carries out a count in chunks. Each write has a key of its own, which a repetition has as well: the
 * server carries it out once, also if it is killed between the effect and the answer.
 */

import type { Difference } from "./difference.ts";

export const CHUNK = 25; // products
const PARALLEL = 5; // requests

export interface Outcome {
  difference: Difference;
  /** Why the server refused it; undefined if it was counted. */
  refusal?: string;
}

interface Options {
  /** Starts the keys of this count: the same for all tries of it, and for no other count. */
  run: string;
  /** Sends one count. Throws if it was not carried out, or if that is unknown. */
  send: (difference: Difference, key: string) => Promise<unknown>;
  /** The reason of an error that another try cannot mend; undefined if it can. */
  refusalOf: (error: unknown) => string | undefined;
  /** Resolves when another try makes sense, such as when the server is back. */
  untilBack: (failures: number) => Promise<void>;
  onProgress: (outcomes: readonly Outcome[]) => void;
  /** Ends the count after the requests in flight. */
  signal: AbortSignal;
}

/** Counts all, chunk after chunk. Resolves with an outcome for each that was answered. */
export async function runCount(
  all: readonly Difference[],
  { run, send, refusalOf, untilBack, onProgress, signal }: Options,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const settle = async (difference: Difference, key: string) => {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await send(difference, key);
        outcomes.push({ difference });
        return;
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal !== undefined) {
          outcomes.push({ difference, refusal });
          return;
        }
        await untilBack(failures);
      }
    }
  };
  for (let from = 0; from < all.length && !signal.aborted; from += CHUNK) {
    const chunk = all.slice(from, from + CHUNK);
    const waiting = chunk.entries();
    const work = async () => {
      for (const [index, difference] of waiting) {
        if (signal.aborted) return;
        await settle(difference, keyOf(run, from / CHUNK, index));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    onProgress([...outcomes]);
  }
  return outcomes;
}

const keyOf = (run: string, chunk: number, index: number): string => `${run}.${chunk}.${index}`;
