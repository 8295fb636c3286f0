import type { ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  onPress?: () => void;
  /** What a screen reader says, where the words on it need their surroundings. */
  label?: string;
  /** It can't be pressed now; it keeps the focus and its place. */
  off?: boolean;
  primary?: boolean;
  small?: boolean;
  pressed?: boolean;
  type?: "button" | "submit";
}

/** A button. */
export function Action({ children, onPress, label, off, primary, small, pressed, type }: Props) {
  const classes = ["action", primary && "primary", small && "small"].filter(Boolean).join(" ");
  return (
    <button
      type={type ?? "button"}
      class={classes}
      aria-label={label}
      aria-disabled={off ? "true" : undefined}
      aria-pressed={pressed}
      onClick={(event) => {
        if (off) event.preventDefault();
        else onPress?.();
      }}
    >
      {children}
    </button>
  );
}
