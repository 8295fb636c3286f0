import { useRef } from "preact/hooks";

/** A value that is lit up for a moment when it changes. */
export function Changing({ value }: { value: string }) {
  const changes = useRef({ value, count: 0 });
  if (changes.current.value !== value) {
    changes.current = { value, count: changes.current.count + 1 };
  }
  const { count } = changes.current;
  return (
    <span key={count} class={count > 0 ? "changed" : undefined}>
      {value}
    </span>
  );
}
