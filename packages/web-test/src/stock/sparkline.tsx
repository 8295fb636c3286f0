import { linear, stepPath } from "../ui/scale.ts";

const [WIDTH, HEIGHT, PAD] = [104, 28, 3];

/** Draws the latest values as steps; the last one is the current value. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const label = values.length > 1 ? `Available lately: ${values.join(", ")}` : "No movement yet";
  const points = values.length === 1 ? [...values, ...values] : values; // a line needs two
  const x = linear([0, points.length - 1], [PAD, WIDTH - PAD]);
  const y = linear([0, Math.max(1, ...points)], [HEIGHT - PAD, PAD]);
  const line = stepPath(
    points.map((value, index) => ({ x: x(index), y: y(value) })),
    WIDTH - PAD,
  );
  const last = points.at(-1);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path class="spark-base" d={`M${PAD} ${HEIGHT - PAD}H${WIDTH - PAD}`} />
      {points.length > 1 && <path class="spark-fill" d={`${line}V${HEIGHT - PAD}H${PAD}Z`} />}
      {points.length > 1 && <path class="spark-line" d={line} />}
      {last !== undefined && (
        <circle class="spark-dot" cx={x(points.length - 1)} cy={y(last)} r="2.5" />
      )}
    </svg>
  );
}
