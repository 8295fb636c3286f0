import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./button.tsx";
import { Notices } from "../notice.tsx";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A modal dialog. Escape closes it, and the focus returns to the element that opened it. Screen
 * readers do not read the page behind, so the dialog shows the notices as well. The browser reports
 * the end of a dialog late, when the next one may be open already: each opening needs its own `key`,
 * and `onClose` is not called for a dialog that is gone.
 */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  const id = useId();
  useLayoutEffect(() => {
    dialog.current?.showModal();
    return () => void (isGone.current = true);
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={() => !isGone.current && onClose()}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button small label="Close" onClick={() => dialog.current?.close()}>
          Close
        </Button>
      </div>
      {children}
      <Notices />
    </dialog>
  );
}
