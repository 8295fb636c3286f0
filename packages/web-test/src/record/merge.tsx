import { useSignal } from "@preact/signals";
import { brief } from "../format.ts";
import { Action } from "../ui/action.tsx";

type Members = Readonly<Record<string, unknown>>;

interface Props {
  /** What the form was opened with, what it says now, and what somebody else saved meanwhile. */
  base: Members;
  mine: Members;
  theirs: Members;
  version: number;
  onMerged: (merged: Members) => void;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Offers, member by member, mine or theirs. */
export function Merge({ base, mine, theirs, version, onMerged }: Props) {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  const differing = names.filter((name) => !same(mine[name], theirs[name]));
  // What only the other side changed is theirs; what I changed is mine unless I say otherwise.
  const untouched = differing.filter((name) => same(mine[name], base[name]));
  const taken = useSignal<ReadonlySet<string>>(new Set(untouched));
  const take = (name: string, isTheirs: boolean) => {
    const next = new Set(taken.value);
    if (isTheirs) next.add(name);
    else next.delete(name);
    taken.value = next;
  };
  const save = () => {
    const chosen = names.map((name) => [name, (taken.value.has(name) ? theirs : mine)[name]]);
    onMerged(Object.fromEntries(chosen.filter(([, value]) => value !== undefined)) as Members);
  };
  return (
    <section class="merge" role="alert" aria-labelledby="merge-heading">
      <h2 id="merge-heading">Somebody saved version {version} meanwhile (412)</h2>
      {differing.length === 0 && <p class="faint">It says the same as yours.</p>}
      {differing.map((name) => (
        <fieldset key={name}>
          <legend>{name}</legend>
          {(["mine", "theirs"] as const).map((side) => (
            <label key={side}>
              <input
                type="radio"
                name={`merge-${name}`}
                checked={taken.value.has(name) === (side === "theirs")}
                onChange={() => take(name, side === "theirs")}
              />
              <span class="side">{side}</span>
              <span class="clip">{brief((side === "mine" ? mine : theirs)[name])}</span>
            </label>
          ))}
        </fieldset>
      ))}
      <Action primary onPress={save}>
        Save the merged record
      </Action>
    </section>
  );
}
