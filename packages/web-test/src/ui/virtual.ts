/** Which rows of a long list are on screen. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect } from "preact/hooks";

export interface Range {
  from: number;
  /** The row after the last one. */
  to: number;
}

const AROUND = 6; // rows that are drawn above and below the screen

/** The rows between `top` and `bottom`, in px from the first row, with some around them. */
export function rangeOf(top: number, bottom: number, height: number, length: number): Range {
  const from = Math.max(0, Math.floor(top / height) - AROUND);
  const to = Math.max(0, Math.min(length, Math.ceil(bottom / height) + AROUND));
  return { from: Math.min(from, to), to };
}

/**
 * The range of rows on screen. `body` holds the rows, of which each has the height in px of
 * `heightOf`, and a space for those that are not drawn.
 */
export function useRange(
  body: RefObject<HTMLElement | null>,
  heightOf: () => number,
  length: number,
): ReadonlySignal<Range> {
  const range = useSignal<Range>(rangeOf(0, window.innerHeight, heightOf(), length));
  useEffect(() => {
    let isScheduled = false;
    const measure = () => {
      isScheduled = false;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const next = rangeOf(-top, window.innerHeight - top, heightOf(), length);
      const { from, to } = range.peek();
      if (next.from !== from || next.to !== to) range.value = next;
    };
    const schedule = () => {
      if (!isScheduled) requestAnimationFrame(measure);
      isScheduled = true;
    };
    measure();
    addEventListener("scroll", schedule, { passive: true });
    addEventListener("resize", schedule);
    return () => {
      removeEventListener("scroll", schedule);
      removeEventListener("resize", schedule);
    };
  }, [length]);
  return range;
}
