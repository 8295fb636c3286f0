import { useSignal } from "@preact/signals";
import { tried } from "../notice.ts";
import { everything, mint, type Scope, SCOPES } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Field } from "../ui/field.tsx";

/** Has the laptop's issuer make a token with other scopes, for somebody else, or for less time. */
export function Mint() {
  const chosen = useSignal<ReadonlySet<Scope>>(new Set(everything.scopes));
  const sub = useSignal(everything.sub);
  const ttl = useSignal(String(everything.ttl));
  const toggle = (scope: Scope) => {
    const next = new Set(chosen.value);
    if (!next.delete(scope)) next.add(scope);
    chosen.value = next;
  };
  const send = () => {
    const scopes = SCOPES.filter((scope) => chosen.value.has(scope));
    void tried("A new token", mint({ scopes, sub: sub.value, ttl: Number(ttl.value) }));
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
        <Action type="submit" primary>
          Use a new token
        </Action>
        <Action onPress={() => (chosen.value = new Set(everything.scopes))}>All</Action>
        <Action onPress={() => (chosen.value = new Set())}>None</Action>
      </div>
    </form>
  );
}
