import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { errorText, notify } from "../notice.tsx";
import { Button } from "../ui/button.tsx";
import { usePress } from "../ui/press.ts";
import type { RawResponse } from "./response.ts";

interface RequestCardProps {
  title: string;
  /** The text of the button. */
  verb: string;
  run: () => Promise<RawResponse | undefined>;
  /** True while something that the request needs is missing. */
  disabled?: boolean;
  children: ComponentChildren;
}

/** A panel with a button that sends a request, and with its answer. */
export function RequestCard({ title, verb, run, disabled = false, children }: RequestCardProps) {
  const response = useSignal<RawResponse>();
  const { isBusy, send: sendOnce } = usePress(); // its key is not sent: the request stays as it is
  const send = async () => {
    try {
      response.value = await sendOnce(run);
    } catch (error) {
      notify("refused", errorText(error));
    }
  };
  return (
    <section class="panel padded request-card" aria-label={title}>
      <h2>{title}</h2>
      {children}
      <Button disabled={disabled || isBusy.value} onClick={() => void send()}>
        {verb}
      </Button>
      {response.value && <ResponseView response={response.value} />}
    </section>
  );
}

function ResponseView({ response }: { response: RawResponse }) {
  const { request, status, headers, body } = response;
  const head = headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return (
    <figure>
      <figcaption class="faint">
        <pre>{request}</pre>
      </figcaption>
      <pre class="response" tabIndex={0} role="region" aria-label="The answer">
        <b>{status}</b>
        {`\n${head}\n\n${body}`}
      </pre>
    </figure>
  );
}
