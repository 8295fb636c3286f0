/** A chart of a product's stock over time: what was on hand and what was available. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fetchHistory } from "../change/history.tsx";
import type { Connection } from "../connection.ts";
import { count, moment } from "../format.ts";
import { follow } from "../follow.ts";
import { errorText } from "../notice.tsx";
import { now } from "../session.ts";
import { StepChart } from "../ui/chart.tsx";
import { Empty } from "../ui/require-scopes.tsx";
import { type LevelPoint, pointOf, seriesOf } from "./level-series.ts";

const PAGES = 5;
const PAGE = 100; // changes

interface Props {
  id: string;
  connection: Connection;
}

/** Reads the latest changes of the level, and adds those that come. */
export function LevelChart({ id, connection: { http, live } }: Props) {
  const points = useSignal<readonly LevelPoint[]>([]);
  const isWhole = useSignal(true);
  const ready = useSignal(false);
  const failure = useSignal<string>();

  useEffect(() => {
    let isOpen = true;
    const add = (changes: readonly Parameters<typeof pointOf>[0][]) => {
      const more = changes.flatMap((change) => pointOf(change) ?? []);
      if (isOpen) points.value = seriesOf([...points.peek(), ...more]);
    };
    const load = async () => {
      let token: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const { items, nextToken } = await fetchHistory(http, "inventory", id, token, String(PAGE));
        add(items);
        if (nextToken === null) return;
        token = nextToken;
      }
      isWhole.value = false;
    };
    const read = () =>
      void load().then(
        () => (ready.value = true),
        (error: unknown) => (failure.value = errorText(error)),
      );
    const close = follow(live, `inventory/${id}`, { event: (change) => add([change]), read });
    return () => {
      isOpen = false;
      close();
    };
  }, [id]);

  if (failure.value) return <Empty title="The history can't be read">{failure.value}</Empty>;
  const all = points.value;
  const [first, last] = [all[0], all.at(-1)];
  if (!first || !last) return <p class="faint">{ready.value ? "No movement yet." : "Reading…"}</p>;
  const since = moment(new Date(first.at).toISOString());
  const part = isWhole.value ? "" : `, of which the latest ${count(all.length)} are shown`;
  const line = (name: "quantity" | "available") =>
    all.map((point) => ({ at: point.at, value: point[name] }));
  return (
    <>
      <StepChart
        label={`Stock since ${since}: ${count(last.quantity)} on hand and ${count(last.available)} available after ${count(all.length)} changes`}
        until={Math.max(now.value, last.at)}
        lines={[
          { name: "On hand", points: line("quantity") },
          { name: "Available", points: line("available") },
        ]}
      />
      <p class="faint">
        {count(all.length)} changes since {since}
        {part}.
      </p>
    </>
  );
}
