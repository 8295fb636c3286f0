import { useLayoutEffect } from "preact/hooks";
import { leave, unsaved, wanted } from "../route.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

/** While `isUnsaved`, the user is asked before another page is shown or the window is closed. */
export function useUnsaved(isUnsaved: boolean): void {
  useLayoutEffect(() => {
    unsaved.value = isUnsaved;
    return () => void (unsaved.value = false);
  }, [isUnsaved]);
}

/** Asks whether to give up what a form holds. */
export function LeaveDialog() {
  if (wanted.value === undefined) return null;
  return (
    <Dialog title="Leave without saving?" onClose={() => (wanted.value = undefined)}>
      <p class="dialog-text">The form holds what is not saved.</p>
      <div class="row">
        <Button onClick={() => (wanted.value = undefined)}>Stay</Button>
        <Button primary onClick={leave}>
          Leave
        </Button>
      </div>
    </Dialog>
  );
}
