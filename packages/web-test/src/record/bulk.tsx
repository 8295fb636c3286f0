/** Actions on the selected rows of a list: each row is a request of its own, with its own key. */

import { useSignal } from "@preact/signals";
import { ProblemError } from "@stockwire/client/http";
import { useRef } from "preact/hooks";
import { isAway } from "../connection.ts";
import { errorText, notify } from "../notice.tsx";
import { Ask } from "../ui/ask.tsx";
import type { KeyHeader } from "../ui/press.ts";

export interface BulkAction<T> {
  verb: string;
  /** Names what will happen to `count` rows. */
  question: (count: number) => string;
  yes: string;
  run: (record: T, headers: KeyHeader) => Promise<unknown>;
}

interface Props<T> {
  actions: readonly BulkAction<T>[];
  chosen: readonly T[];
  nameOf: (record: T) => string;
  onDone: () => void;
}

/** A row without an answer keeps its key: the next press has no second effect. */
export function BulkBar<T extends { id: string }>({ actions, chosen, nameOf, onDone }: Props<T>) {
  const progress = useSignal<string>();
  const report = useSignal<readonly string[]>([]);
  const keys = useRef(new Map<string, string>());

  const runAll = async ({ verb, run }: BulkAction<T>) => {
    if (progress.peek() !== undefined) return;
    const refused: string[] = [];
    for (const [index, record] of chosen.entries()) {
      progress.value = `${verb}: ${index} of ${chosen.length}`;
      const name = `${verb} ${record.id}`;
      const key = keys.current.get(name) ?? crypto.randomUUID();
      keys.current.set(name, key);
      try {
        await run(record, { "Idempotency-Key": key });
        keys.current.delete(name);
      } catch (error) {
        if (error instanceof ProblemError && error.status < 500) keys.current.delete(name);
        refused.push(`${nameOf(record)}: ${errorText(error)}`);
      }
    }
    progress.value = undefined;
    report.value = refused;
    const done = chosen.length - refused.length;
    const outcome = refused.length > 0 ? `, ${refused.length} refused` : "";
    notify(refused.length > 0 ? "refused" : "done", `${verb}: ${done} done${outcome}`);
    onDone();
  };
  const disabled = chosen.length === 0 || progress.value !== undefined || isAway.value;

  return (
    <div class="bar bulk" role="group" aria-label="Selected rows">
      <span class="faint num" role="status">
        {progress.value ?? `${chosen.length} selected`}
      </span>
      {actions.map((action) => (
        <Ask
          key={action.verb}
          small
          verb={action.verb}
          label={`${action.verb} the selected`}
          question={action.question(chosen.length)}
          yes={action.yes}
          disabled={disabled}
          onYes={() => void runAll(action)}
        />
      ))}
      {report.value.length > 0 && (
        <ul class="bulk-report" aria-label="Refused">
          {report.value.map((text, index) => (
            <li key={index} class="problem">
              {text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
