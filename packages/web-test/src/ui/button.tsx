import type { ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  onClick?: () => void;
  /** For screen readers, if the visible text is not clear on its own. */
  label?: string;
  /** Sets `aria-disabled`, so that the button keeps the focus, which `disabled` would lose. */
  disabled?: boolean;
  primary?: boolean;
  small?: boolean;
  pressed?: boolean;
  type?: "button" | "submit";
}

export function Button(props: Props) {
  const { children, onClick, label, disabled, primary, small, pressed, type } = props;
  const classes = ["button", primary && "primary", small && "small"].filter(Boolean).join(" ");
  return (
    <button
      type={type ?? "button"}
      class={classes}
      aria-label={label}
      aria-disabled={disabled ? "true" : undefined}
      aria-pressed={pressed}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.repeat) event.preventDefault(); // a held key presses once
      }}
      onClick={(event) => {
        if (disabled) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
