import type { Inventory } from "@stockwire/client/http";
import type { ComponentChildren } from "preact";
import { count } from "../format.ts";
import { LevelBadge } from "../ui/level.tsx";

interface Props {
  /** Undefined until it is read. */
  level: Inventory | undefined;
  children?: ComponentChildren;
}

/** A stock level in one line, which is read out when it changes. */
export const Figures = ({ level, children }: Props) => (
  <p class="figures" aria-live="polite">
    <LevelBadge level={level?.level} />
    <Figure name="available" value={level?.available} text="available" />
    <Figure name="reserved" value={level?.reserved} text="reserved" />
    <Figure name="quantity" value={level?.quantity} text="on hand" />
    {children}
  </p>
);

interface FigureProps {
  name: string;
  value: number | undefined;
  text: string;
}

export const Figure = ({ name, value = 0, text }: FigureProps) => (
  <span data-figure={name}>
    <b class="num">{count(value)}</b> {text}
  </span>
);
