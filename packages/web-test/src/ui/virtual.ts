/** Which rows of a long list are on screen. */

import { useSignal } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect } from "preact/hooks";

export interface Range {
  from: number;
  /** The row after the last one. */
  to: number;
}

const AROUND = 6; // rows that are drawn above and below the screen

/** The rows between `top` and `bottom`, in px from the first row, with some around them. */
export function rangeOf(top: number, bottom: number, height: number): Range {
  const from = Math.max(0, Math.floor(top / height) - AROUND);
  return { from, to: Math.max(from, Math.ceil(bottom / height) + AROUND) };
}

/** The part of a range that is in a list of so many rows. */
export const within = ({ from, to }: Range, length: number): Range => ({
  from: Math.min(from, length),
  to: Math.min(to, length),
});

/**
 * The range of rows on screen. It is known before the list is read, so that the first rows are drawn
 * as they come. `body` holds the rows, of which each has the height in px of
 * `heightOf`, and a space for those that are not drawn.
 */
export function useRange(
  body: RefObject<HTMLElement | null>,
  heightOf: () => number,
  length: number,
): Range {
  const range = useSignal(rangeOf(0, window.innerHeight, heightOf()));
  useEffect(() => {
    let isScheduled = false;
    const measure = () => {
      isScheduled = false;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const next = rangeOf(-top, window.innerHeight - top, heightOf());
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
  return within(range.value, length);
}
