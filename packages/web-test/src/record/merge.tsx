import { useSignal } from "@preact/signals";
import { brief } from "../format.ts";
import { Button } from "../ui/button.tsx";
import type { Members } from "./draft.ts";

interface Props {
  /** The record that the form was opened with. */
  base: Members;
  /** The content of the form. */
  mine: Members;
  /** The record that another client saved meanwhile. */
  theirs: Members;
  version: number;
  isBusy: boolean;
  onMerged: (merged: Members) => void;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** A three-way merge: for each member that differs, the user chooses mine or theirs. */
export function Merge({ base, mine, theirs, version, isBusy, onMerged }: Props) {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  const differing = names.filter((name) => !same(mine[name], theirs[name]));
  // Members that I did not change start as theirs, the others as mine.
  const unchanged = differing.filter((name) => same(mine[name], base[name]));
  const taken = useSignal<ReadonlySet<string>>(new Set(unchanged));
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
      <h2 id="merge-heading">Another client saved version {version} meanwhile (412)</h2>
      {differing.length === 0 && <p class="faint">It equals yours.</p>}
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
      <Button primary disabled={isBusy} onClick={save}>
        Save the merged record
      </Button>
    </section>
  );
}
