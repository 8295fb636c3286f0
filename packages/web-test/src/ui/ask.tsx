import { useSignal } from "@preact/signals";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./button.tsx";
import { DOUBLE_CLICK } from "./press.ts";

interface Props {
  /** The text of the button. */
  verb: string;
  /** For screen readers, if the visible text is not clear on its own. */
  label?: string;
  /** Names what the action is about, and what it does. */
  question: string;
  /** The text of the button that carries the action out. */
  yes: string;
  disabled?: boolean;
  small?: boolean;
  onYes: () => void;
}

/**
 * A button for an action that is final: it asks before it acts. It does not offer to undo, because
 * the server cannot: a sale, released units and a deleted record are seen by other clients
 * immediately. An action that is sent late would be lost with the window.
 */
export function Ask({ verb, label, question, yes, disabled, small, onYes }: Props) {
  const isAsking = useSignal(false);
  const isReady = useSignal(false); // the second click of a double click must not answer
  const root = useRef<HTMLSpanElement>(null);
  const wasAsking = useRef(false);
  const id = useId();
  useLayoutEffect(() => {
    // The first button is that which keeps everything as it is, or else the one that asks.
    if (isAsking.value !== wasAsking.current) root.current?.querySelector("button")?.focus();
    wasAsking.current = isAsking.value;
    isReady.value = false;
    if (!isAsking.value) return undefined;
    const timer = setTimeout(() => (isReady.value = true), DOUBLE_CLICK);
    return () => clearTimeout(timer);
  }, [isAsking.value]);

  const size = small ? { small } : {};
  if (!isAsking.value) {
    return (
      <span ref={root}>
        <Button
          {...size}
          {...(label !== undefined && { label })}
          disabled={disabled ?? false}
          onClick={() => (isAsking.value = true)}
        >
          {verb}
        </Button>
      </span>
    );
  }
  return (
    <span
      ref={root}
      class="ask"
      role="group"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // the dialog around it stays open
        isAsking.value = false;
      }}
    >
      <span id={id}>{question}</span>
      <Button {...size} onClick={() => (isAsking.value = false)}>
        Keep
      </Button>
      <Button
        {...size}
        primary
        disabled={!isReady.value || (disabled ?? false)}
        onClick={() => {
          isAsking.value = false;
          onYes();
        }}
      >
        {yes}
      </Button>
    </span>
  );
}
