import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { notify, wordsOf } from "../notice.ts";
import { Action } from "../ui/action.tsx";
import type { Answer } from "./answer.ts";

interface TrialProps {
  title: string;
  verb: string;
  run: () => Promise<Answer | undefined>;
  children: ComponentChildren;
}

/** Something to try, and the answer as it came. */
export function Trial({ title, verb, run, children }: TrialProps) {
  const answer = useSignal<Answer>();
  const busy = useSignal(false);
  const press = async () => {
    busy.value = true;
    try {
      answer.value = await run();
    } catch (error) {
      notify("refused", wordsOf(error));
    } finally {
      busy.value = false;
    }
  };
  return (
    <section class="panel padded trial" aria-label={title}>
      <h2>{title}</h2>
      {children}
      <Action off={busy.value} onPress={() => void press()}>
        {verb}
      </Action>
      {answer.value && <AnswerView answer={answer.value} />}
    </section>
  );
}

function AnswerView({ answer: { request, status, headers, body } }: { answer: Answer }) {
  const head = headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return (
    <figure>
      <figcaption class="faint">
        <pre>{request}</pre>
      </figcaption>
      <pre class="answer" tabIndex={0} role="region" aria-label="The answer">
        <b>{status}</b>
        {`\n${head}\n\n${body}`}
      </pre>
    </figure>
  );
}
