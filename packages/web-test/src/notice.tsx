/** Short messages about the outcome of an action, for the screen and for screen readers. */

import { signal } from "@preact/signals";
import { ProblemError } from "@stockwire/client/http";

interface Notice {
  id: number;
  kind: "done" | "refused";
  text: string;
}

const notices = signal<readonly Notice[]>([]);

const SHOWN_FOR = 6_000; // ms
const MOST = 3;
let lastId = 0;

export function notify(kind: Notice["kind"], text: string): void {
  const id = ++lastId;
  notices.value = [...notices.value, { id, kind, text }].slice(-MOST);
  setTimeout(() => (notices.value = notices.value.filter((notice) => notice.id !== id)), SHOWN_FOR);
}

/** One line: of a problem the detail, or the units available, with its status and code. */
export const errorText = (error: unknown): string => {
  if (error instanceof ProblemError) {
    const { detail, status, code, members } = error;
    const [shortage] = Array.isArray(members["shortages"]) ? members["shortages"] : [];
    const { available } = (shortage ?? {}) as { available?: number };
    const reason = available === undefined ? detail : `only ${available} available`;
    return `${reason} (${status} ${code})`;
  }
  return error instanceof Error ? error.message : String(error);
};

/** Waits for an action and shows a notice of its outcome. Resolves to undefined if it failed. */
export async function notifyOutcome<T>(action: string, work: Promise<T>): Promise<T | undefined> {
  try {
    const result = await work;
    notify("done", `${action}: done`);
    return result;
  } catch (error) {
    notify("refused", `${action}: ${errorText(error)}`);
    return undefined;
  }
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, kind, text }) => (
        <p key={id} class={`notice ${kind}`}>
          {text}
        </p>
      ))}
    </div>
  );
}
