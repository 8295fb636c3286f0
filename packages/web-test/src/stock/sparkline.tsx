const [WIDTH, HEIGHT, PAD] = [104, 28, 3];

/** What was available lately, as steps; the last one is now. */
export function Sparkline({ points: given }: { points: readonly number[] }) {
  const label = given.length > 1 ? `Available lately: ${given.join(", ")}` : "No movement yet";
  const points = given.length === 1 ? [...given, ...given] : given;
  const most = Math.max(1, ...points);
  const step = (WIDTH - 2 * PAD) / Math.max(1, points.length - 1);
  const at = (index: number) => PAD + index * step;
  const y = (value: number) => HEIGHT - PAD - (value / most) * (HEIGHT - 2 * PAD);
  const line = points
    .map((value, index) => (index === 0 ? `M${at(0)} ${y(value)}` : `H${at(index)}V${y(value)}`))
    .join("");
  const last = points.at(-1);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path class="spark-base" d={`M${PAD} ${HEIGHT - PAD}H${WIDTH - PAD}`} />
      {points.length > 1 && <path class="spark-fill" d={`${line}V${HEIGHT - PAD}H${PAD}Z`} />}
      {points.length > 1 && <path class="spark-line" d={line} />}
      {last !== undefined && (
        <circle class="spark-dot" cx={at(points.length - 1)} cy={y(last)} r="2.5" />
      )}
    </svg>
  );
}
