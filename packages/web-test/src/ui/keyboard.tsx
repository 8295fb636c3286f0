/** Keys for the whole console (`/`, `j`, `k` and `?`), and the time zone of its times. */

import { signal } from "@preact/signals";
import { zone, ZONES, zoneText } from "../format.ts";
import { Dialog } from "./dialog.tsx";

const KEYS = [
  ["/", "Search on this page"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row, or press the button"],
  ["Esc", "Close a dialog or a question"],
  ["?", "This help"],
] as const;

const isOpen = signal(false);

const ROW_PARTS = "a[href], button, input, select";

/** Moves the focus to the first control of the row that is `step` rows away; true if there is one. */
function moveRow(step: 1 | -1): boolean {
  const rows = [
    ...document.querySelectorAll<HTMLElement>("main tbody tr, main .timeline li"),
  ].filter((row) => row.querySelector(ROW_PARTS));
  const active = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[active < 0 && step < 0 ? rows.length - 1 : active + step];
  const control = row?.querySelector<HTMLElement>(ROW_PARTS);
  control?.focus();
  control?.scrollIntoView({ block: "nearest" });
  return control !== undefined && control !== null;
}

function focusSearch(): boolean {
  const field = document.querySelector<HTMLElement>('main input[type="search"]');
  field?.focus();
  return field !== null;
}

/** What a key does; true if it did something. */
const ACTIONS: Readonly<Record<string, () => boolean>> = {
  "/": focusSearch,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  "?": () => (isOpen.value = true),
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");

addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey, defaultPrevented } = event;
  if (defaultPrevented || ctrlKey || metaKey || altKey || isTyping(target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (Object.hasOwn(ACTIONS, key) && ACTIONS[key]?.()) event.preventDefault();
});

/** The button and the dialog that list the keys, and switch the time zone. */
export function KeyHelp() {
  return (
    <>
      <button
        type="button"
        class="theme"
        aria-label="Keys and times"
        onClick={() => (isOpen.value = true)}
      >
        <b aria-hidden="true">?</b>
      </button>
      {isOpen.value && (
        <Dialog title="Keys and times" onClose={() => (isOpen.value = false)}>
          <dl class="facts">
            {KEYS.map(([key, text]) => [
              <dt key={key}>
                <kbd>{key}</kbd>
              </dt>,
              <dd key={text}>{text}</dd>,
            ])}
          </dl>
          <fieldset>
            <legend>Times</legend>
            <div class="checks">
              {ZONES.map((name) => (
                <label key={name}>
                  <input
                    type="radio"
                    name="zone"
                    checked={zone.value === name}
                    onChange={() => (zone.value = name)}
                  />
                  {zoneText(name)}
                </label>
              ))}
            </div>
          </fieldset>
        </Dialog>
      )}
    </>
  );
}
