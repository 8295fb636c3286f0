/** Small charts as SVG. */

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { clock, count, day } from "../format.ts";
import { linear, stepPath, timeTicks, unitTicks } from "./scale.ts";

const HEIGHT = 200;
const PAD = { top: 12, right: 14, bottom: 26, left: 54 };
const DAY = 24 * 60 * 60 * 1000; // ms

interface Point {
  at: number; // epoch ms
  value: number;
}

interface Line {
  name: string;
  points: readonly Point[];
}

interface Props {
  lines: readonly Line[];
  /** What the chart shows, for readers who do not see it. */
  label: string;
  /** The end of the time axis, in epoch ms. */
  until: number;
}

/** Lines that keep each value until the next; at most three, which differ by dashes as well. */
export function StepChart({ lines, label, until }: Props) {
  const { root, width } = useWidth();
  const points = lines.flatMap((line) => line.points);
  const from = Math.min(until, ...points.map(({ at }) => at));
  const ticks = unitTicks(Math.max(0, ...points.map(({ value }) => value)), 4);
  const x = linear([from, until], [PAD.left, width - PAD.right]);
  const y = linear([0, ticks.at(-1) ?? 1], [HEIGHT - PAD.bottom, PAD.top]);
  const times = timeTicks(from, until, width < 480 ? 2 : 4);
  const timeOf = until - from > 2 * DAY ? day : clock;
  return (
    <figure class="chart" ref={root}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} height={HEIGHT} role="img" aria-label={label}>
        <Grid ticks={ticks} y={y} width={width} />
        {times.map((time, index) => (
          <text
            key={time}
            class="chart-text"
            x={x(time)}
            y={HEIGHT - 8}
            text-anchor={anchorOf(index, times.length)}
          >
            {timeOf(new Date(time).toISOString())}
          </text>
        ))}
        {lines.map(({ name, points: of }, index) => {
          const drawn = of.map(({ at, value }) => ({ x: x(at), y: y(value) }));
          return (
            <path key={name} class={`chart-line line-${index}`} d={stepPath(drawn, x(until))} />
          );
        })}
      </svg>
      <figcaption class="chart-key faint">
        {lines.map(({ name }, index) => (
          <span key={name}>
            <svg viewBox="0 0 24 6" width="24" height="6" aria-hidden="true">
              <path class={`chart-line line-${index}`} d="M0 3H24" />
            </svg>{" "}
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

interface GridProps {
  ticks: readonly number[];
  y: (value: number) => number;
  width: number;
  unit?: string;
}

/** A line for each tick, with its value beside it. */
const Grid = ({ ticks, y, width, unit = "" }: GridProps) => (
  <>
    {ticks.map((tick) => (
      <g key={tick}>
        <path class="chart-grid" d={`M${PAD.left} ${y(tick)}H${width - PAD.right}`} />
        <text class="chart-text" x={PAD.left - 8} y={y(tick) + 4} text-anchor="end">
          {count(tick)}
          {unit}
        </text>
      </g>
    ))}
  </>
);

const anchorOf = (index: number, length: number) => {
  if (index === 0) return "start";
  return index === length - 1 ? "end" : "middle";
};

interface BarProps {
  /** One value for each bar, oldest first. */
  values: readonly number[];
  label: string;
  /** Texts at both ends of the axis. */
  ends: readonly [string, string];
  unit?: string;
}

export function BarChart({ values, label, ends, unit = "" }: BarProps) {
  const { root, width } = useWidth();
  const ticks = unitTicks(Math.max(0, ...values), 3);
  const y = linear([0, ticks.at(-1) ?? 1], [HEIGHT - PAD.bottom, PAD.top]);
  const step = (width - PAD.left - PAD.right) / Math.max(1, values.length);
  return (
    <figure class="chart" ref={root}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} height={HEIGHT} role="img" aria-label={label}>
        <Grid ticks={ticks} y={y} width={width} unit={unit} />
        {values.map((value, index) => (
          <rect
            key={index}
            class="chart-bar"
            x={PAD.left + index * step + step * 0.1}
            width={step * 0.8}
            y={y(value)}
            height={HEIGHT - PAD.bottom - y(value)}
          />
        ))}
        <text class="chart-text" x={PAD.left} y={HEIGHT - 8}>
          {ends[0]}
        </text>
        <text class="chart-text" x={width - PAD.right} y={HEIGHT - 8} text-anchor="end">
          {ends[1]}
        </text>
      </svg>
    </figure>
  );
}

/** The width of an element in px, so that the text of a chart keeps its size on every screen. */
function useWidth() {
  const root = useRef<HTMLElement>(null);
  const width = useSignal(600);
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return undefined;
    const measure = () => (width.value = Math.max(240, element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { root, width: width.value };
}
