/** The orders of a list. */
export const ORDERS = { desc: "Newest first", asc: "Oldest first" } as const;

interface Props<T extends string> {
  /** For screen readers. */
  label: string;
  value: T;
  /** Texts by value. */
  options: Readonly<Record<T, string>>;
  onSelect: (value: T) => void;
}

/** A select without a visible label. */
export function Select<T extends string>({ label, value, options, onSelect }: Props<T>) {
  const entries = Object.entries<string>(options) as [T, string][];
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => {
        const chosen = entries.find(([each]) => each === event.currentTarget.value);
        if (chosen) onSelect(chosen[0]);
      }}
    >
      {entries.map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}
