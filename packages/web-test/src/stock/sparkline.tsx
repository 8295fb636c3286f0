const [WIDTH, HEIGHT, PAD] = [104, 28, 3];

/** Draws the latest values as steps; the last one is the current value. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const label = values.length > 1 ? `Available lately: ${values.join(", ")}` : "No movement yet";
  const points = values.length === 1 ? [...values, ...values] : values; // a line needs two
  const most = Math.max(1, ...points);
  const step = (WIDTH - 2 * PAD) / Math.max(1, points.length - 1);
  const x = (index: number) => PAD + index * step;
  const y = (value: number) => HEIGHT - PAD - (value / most) * (HEIGHT - 2 * PAD);
  const line = points
    .map((value, index) => (index === 0 ? `M${x(0)} ${y(value)}` : `H${x(index)}V${y(value)}`))
    .join("");
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
