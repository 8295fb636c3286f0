import { count } from "../format.ts";

interface Props {
  /** Names with their values; the name is the `data-fact`. */
  facts: Iterable<readonly [name: string, value: number | string]>;
}

/** Numbers with their names in one line. Each keeps its place while the others change. */
export const Counters = ({ facts }: Props) => (
  <dl class="counters">
    {[...facts].map(([name, value]) => (
      <div key={name} data-fact={name}>
        <dt>{name}</dt>
        <dd class="num">{typeof value === "number" ? count(value) : value}</dd>
      </div>
    ))}
  </dl>
);
