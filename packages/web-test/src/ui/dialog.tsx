import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Action } from "./action.tsx";
import { Notices } from "./notices.tsx";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A modal window; Escape closes it and the focus goes back to where it was. The page behind is out
 * of reach, so it says itself what has just happened.
 */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Action small label="Close" onPress={() => dialog.current?.close()}>
          Close
        </Action>
      </header>
      {children}
      <Notices />
    </dialog>
  );
}
