import { useSignal } from "@preact/signals";
import { notifyOutcome } from "../notice.tsx";
import { type Scope, SCOPES } from "../catalog.ts";
import { FULL_ACCESS } from "../issuer.ts";
import { startIssuedSession } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

/** Starts a session with a token that the laptop issues, with chosen scopes, subject and lifetime. */
export function IssueToken() {
  const chosen = useSignal<ReadonlySet<Scope>>(new Set(FULL_ACCESS.scopes));
  const sub = useSignal(FULL_ACCESS.sub);
  const ttl = useSignal(String(FULL_ACCESS.ttl));
  const toggle = (scope: Scope) => {
    const next = new Set(chosen.value);
    if (!next.delete(scope)) next.add(scope);
    chosen.value = next;
  };
  const send = () => {
    const scopes = SCOPES.filter((scope) => chosen.value.has(scope));
    const request = { scopes, sub: sub.value, ttl: Number(ttl.value) };
    void notifyOutcome("A new token", startIssuedSession(request));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="row">
        <Field label="Subject" value={sub.value} onInput={(value) => (sub.value = value)} />
        <Field
          label="Seconds"
          type="number"
          min={1}
          value={ttl.value}
          onInput={(value) => (ttl.value = value)}
        />
      </div>
      <fieldset>
        <legend>Scopes</legend>
        <div class="checks">
          {SCOPES.map((scope) => (
            <label key={scope}>
              <input
                type="checkbox"
                checked={chosen.value.has(scope)}
                onChange={() => toggle(scope)}
              />
              {scope}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="row">
        <Button type="submit" primary>
          Use a new token
        </Button>
        <Button onClick={() => (chosen.value = new Set(FULL_ACCESS.scopes))}>All</Button>
        <Button onClick={() => (chosen.value = new Set())}>None</Button>
      </div>
    </form>
  );
}
