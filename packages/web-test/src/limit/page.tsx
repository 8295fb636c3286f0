import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { notify, wordsOf } from "../notice.ts";
import { canMint, everything, goodToken, may, spare } from "../session.ts";
import { target } from "../here.ts";
import { Action } from "../ui/action.tsx";
import { Gate } from "../ui/gate.tsx";
import { type Answer, ask } from "./answer.ts";

const WAVE = 100; // requests
const PATIENCE = 15_000; // ms
const THROTTLED = "429 Too Many Requests";

export const LimitsPage = () => (
  <Gate needs={[]}>
    {() => (
      <div class="columns">
        <Throttle />
        <Scope />
        <Validity />
      </div>
    )}
  </Gate>
);

/** More requests than the route's bucket holds, until it is empty. */
function Throttle() {
  const tally = useSignal<Readonly<Record<string, number>>>({});
  const run = async (): Promise<Answer | undefined> => {
    const token = await goodToken();
    const one = () => ask(target.api, token, "GET", "/users?email=nobody@example.com");
    const counts: Record<string, number> = {};
    const until = Date.now() + PATIENCE;
    for (;;) {
      const answers = await Promise.all(Array.from({ length: WAVE }, one));
      for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
      tally.value = { ...counts };
      const throttled = answers.find(({ status }) => status === THROTTLED);
      if (throttled || Date.now() > until) return throttled ?? answers[0];
    }
  };
  const counted = Object.entries(tally.value).map(([status, count]) => `${count} × ${status}`);
  return (
    <Trial title="Too often" verb="Ask until it is too much" run={run}>
      <code>GET /users</code> takes 100 requests a second, and 200 at once.
      {counted.length > 0 && <b class="num"> {counted.join(", ")}</b>}
    </Trial>
  );
}

/** A deletion, with a token that may only read. */
function Scope() {
  const run = async () => {
    const readOnly = { ...everything, scopes: ["read:products"] as const, ttl: 60 };
    const token = canMint ? await spare(readOnly) : await goodToken();
    return ask(target.api, token, "DELETE", "/users/nobody");
  };
  const who = canMint ? "a token that may only read products" : "your token";
  return (
    <Trial title="Not permitted" verb="Delete a user" run={run}>
      <code>DELETE /users/nobody</code> needs <code>write:users</code>; it is asked with {who}.
      {!canMint && may("write:users") && " Yours may do it, so this is a 404."}
    </Trial>
  );
}

/** A user with everything wrong. */
function Validity() {
  const wrong = { name: "x", email: "not an address", phone: "12", age: 7, colour: "red" };
  const run = async () => ask(target.api, await goodToken(), "POST", "/users", wrong);
  return (
    <Trial title="Not valid" verb="Create a wrong user" run={run}>
      Every problem is told at once, each with a pointer.
    </Trial>
  );
}

interface TrialProps {
  title: string;
  verb: string;
  run: () => Promise<Answer | undefined>;
  children: ComponentChildren;
}

function Trial({ title, verb, run, children }: TrialProps) {
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
      <p>{children}</p>
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
