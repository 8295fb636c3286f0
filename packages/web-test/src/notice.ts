import { ProblemError } from "@stockwire/client/http";
import { signal } from "@preact/signals";

/** One line about what has just happened. */
export interface Notice {
  id: number;
  kind: "done" | "refused";
  text: string;
}

export const notices = signal<Notice[]>([]);

const SHOWN = 6_000; // ms
const AT_ONCE = 3;
let count = 0;

export function notify(kind: Notice["kind"], text: string): void {
  const id = ++count;
  notices.value = [...notices.value, { id, kind, text }].slice(-AT_ONCE);
  setTimeout(() => (notices.value = notices.value.filter((one) => one.id !== id)), SHOWN);
}

export const wordsOf = (error: unknown): string => {
  if (error instanceof ProblemError) {
    const { detail, status, code, members } = error;
    const [short] = Array.isArray(members["shortages"]) ? members["shortages"] : [];
    const { available } = (short ?? {}) as { available?: number };
    const reason = available === undefined ? detail : `only ${available} available`;
    return `${reason} (${status} ${code})`;
  }
  return error instanceof Error ? error.message : String(error);
};

/** Does something and says how it went; undefined if it was refused. */
export async function tried<T>(what: string, work: Promise<T>): Promise<T | undefined> {
  try {
    const result = await work;
    notify("done", `${what}: done`);
    return result;
  } catch (error) {
    notify("refused", `${what}: ${wordsOf(error)}`);
    return undefined;
  }
}
