/** Scales and ticks of charts. */

/** Maps `domain` to `range`. An empty domain is mapped to the middle. */
export function linear(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  if (from === to) return () => (start + end) / 2;
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

/** Round numbers from 0 to at least `most`, about `count` of them; whole ones, for units. */
export function unitTicks(most: number, count: number): number[] {
  const rough = Math.max(1, most) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough) ?? 10;
  const step = Math.max(1, factor * power);
  return Array.from(
    { length: Math.ceil(Math.max(1, most) / step) + 1 },
    (_, index) => index * step,
  );
}

/** Epoch ms between two times, evenly, with both. */
export function timeTicks(from: number, to: number, count: number): number[] {
  if (to <= from) return [from];
  return Array.from({ length: count }, (_, index) => from + ((to - from) * index) / (count - 1));
}

interface Point {
  x: number;
  y: number;
}

/** An SVG path that keeps each value until the next point, and the last one until `end`. */
export function stepPath(points: readonly Point[], end: number): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const steps = rest.map(({ x, y }) => `H${round(x)}V${round(y)}`);
  return `M${round(first.x)} ${round(first.y)}${steps.join("")}H${round(end)}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
