const SHAPES = {
  ok: { text: "In stock", path: "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8z" },
  low: { text: "Low", path: "M5 1l4.5 8h-9z" },
  out: { text: "Out", path: "M1.5 1.5h7v7h-7z" },
};

/** A stock level as colour, shape and text, so that no reader depends on colour. */
export function LevelBadge({ level }: { level: keyof typeof SHAPES | undefined }) {
  if (!level) return <span class="badge">…</span>;
  const { text, path } = SHAPES[level];
  return (
    <span class={`badge level-${level}`}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        <path d={path} />
      </svg>
      {text}
    </span>
  );
}
