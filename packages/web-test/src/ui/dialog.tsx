import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button.tsx";
import { Notices } from "../notice.tsx";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A modal dialog. Escape closes it, and the focus returns to the element that opened it. Screen
 * readers do not read the page behind, so the dialog shows the notices as well.
 */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button small label="Close" onClick={() => dialog.current?.close()}>
          Close
        </Button>
      </header>
      {children}
      <Notices />
    </dialog>
  );
}
