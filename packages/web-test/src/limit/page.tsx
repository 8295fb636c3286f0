import { useSignal } from "@preact/signals";
import { canMint, everything, goodToken, may, spare } from "../session.ts";
import { target } from "../here.ts";
import { Gate } from "../ui/gate.tsx";
import { type Answer, ask } from "./answer.ts";
import { AnyFrame, AnyRequest } from "./any.tsx";
import { Trial } from "./trial.tsx";

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
        <AnyRequest />
        <AnyFrame />
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
      <p>
        <code>GET /users</code> takes 100 requests a second, and 200 at once.
        {counted.length > 0 && <b class="num"> {counted.join(", ")}</b>}
      </p>
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
      <p>
        <code>DELETE /users/nobody</code> needs <code>write:users</code>; it is asked with {who}.
        {!canMint && may("write:users") && " Yours may do it, so this is a 404."}
      </p>
    </Trial>
  );
}

/** A user with everything wrong. */
function Validity() {
  const wrong = { name: "x", email: "not an address", phone: "12", age: 7, colour: "red" };
  const run = async () =>
    ask(target.api, await goodToken(), "POST", "/users", JSON.stringify(wrong));
  return (
    <Trial title="Not valid" verb="Create a wrong user" run={run}>
      <p>Every problem is told at once, each with a pointer.</p>
    </Trial>
  );
}
