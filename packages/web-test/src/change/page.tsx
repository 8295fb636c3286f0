/** The changes page: the last changes of the log and those that arrive. It can interrupt the connection. */

import { useComputed, useSignal } from "@preact/signals";
import type { Topic } from "@stockwire/client/live";
import { useEffect, useMemo } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { FEEDS, feedOf, RESOURCES } from "../catalog.ts";
import { interrupt, interruptedUntil } from "../interruptible-socket.ts";
import { hasScope, now } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { Counters } from "../ui/counters.tsx";
import { Empty, RequireScopes } from "../ui/require-scopes.tsx";
import { download } from "../ui/download.ts";
import { linesOf } from "./filter.ts";
import { type Monitor, openMonitor, SHOWN } from "./monitor.ts";
import { ChangeRow } from "./row.tsx";

const INTERRUPTION = 10_000; // ms
/** Rows that are filled first, so that the browser can paint them before the others are. */
const SCREEN = 20;
const FILTERS: readonly Topic[] = ["inventory?level=low", "inventory?level=out"];

export const ChangesPage = () => (
  <RequireScopes scopes={[]}>{(connection) => <Changes connection={connection} />}</RequireScopes>
);

function Changes({ connection }: { connection: Connection }) {
  const permitted = FEEDS.filter((feed) => hasScope(RESOURCES[feed].readScope));
  const topic = useSignal("");
  const typed = useSignal("");
  const options = [
    ...permitted,
    ...FILTERS.filter((filter) => hasScope(RESOURCES[feedOf(filter)].readScope)),
  ];
  const [first, ...rest] = topic.value === "" ? permitted : [topic.value as Topic];
  if (first === undefined) {
    return <Empty title="No feed to show">The token has no scope that reads a feed.</Empty>;
  }
  const choose = (value: string) => (topic.value = value);

  return (
    <>
      <div class="bar">
        <div class="pick">
          <label for="topic">Topic</label>
          <select
            id="topic"
            value={topic.value}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            <option value="">all feeds</option>
            {options.map((option) => (
              <option key={option}>{option}</option>
            ))}
            {topic.value !== "" && !options.includes(topic.value as Topic) && (
              <option>{topic.value}</option>
            )}
          </select>
        </div>
        <form
          class="pick"
          onSubmit={(event) => {
            event.preventDefault();
            choose(typed.value.trim());
          }}
        >
          <input
            aria-label="Another topic"
            placeholder="products?category=pens"
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
          <Button type="submit">Subscribe</Button>
        </form>
        <InterruptSwitch />
      </div>
      <ChangeMonitor key={topic.value} connection={connection} topics={[first, ...rest]} />
    </>
  );
}

/** Interrupts this window's connection, and shows the seconds until it is restored. */
function InterruptSwitch() {
  const left = useComputed(() =>
    Math.max(0, Math.ceil((interruptedUntil.value - now.value) / 1000)),
  );
  const isInterrupted = left.value > 0;
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isInterrupted}
      aria-disabled={isInterrupted ? "true" : undefined}
      onClick={() => {
        if (!isInterrupted) interrupt(INTERRUPTION);
      }}
    >
      <span class="knob" aria-hidden="true" />
      <span class="switch-text">
        {isInterrupted ? `Cut for ${left.value} s` : "Cut the connection for 10 s"}
      </span>
    </button>
  );
}

interface MonitorProps {
  connection: Connection;
  topics: readonly [Topic, ...Topic[]];
}

function ChangeMonitor({ connection, topics }: MonitorProps) {
  const monitor = useMemo(() => openMonitor(connection, topics), [connection]);
  useEffect(() => () => monitor.close(), [monitor]);
  const { paused, waiting, from, found, filter } = monitor;
  const part = (name: "record" | "actor", label: string) => (
    <input
      class="filter"
      type="search"
      aria-label={label}
      placeholder={label}
      value={filter.value[name]}
      onInput={(event) => {
        from.value = 0;
        filter.value = { ...filter.value, [name]: event.currentTarget.value };
      }}
    />
  );
  /** Rows that move under the reader are of no use: another page is shown while paused. */
  const turn = (rows: number) => {
    if (!paused.value) paused.value = true;
    from.value = Math.max(0, from.value + rows);
  };
  const save = () => download("changes.jsonl", linesOf(monitor.listed()), "application/x-ndjson");
  return (
    <>
      <div class="bar">
        <Button
          pressed={paused.value}
          onClick={() => {
            if (paused.value) from.value = 0;
            paused.value = !paused.value;
          }}
        >
          Pause
        </Button>
        <Button onClick={monitor.clear}>Clear</Button>
        <Button disabled={found.value === 0} onClick={save}>
          Export
        </Button>
        {part("record", "Record")}
        {part("actor", "Actor")}
        <Button disabled={from.value === 0} onClick={() => turn(-SHOWN)}>
          Newer
        </Button>
        <Button disabled={from.value + SHOWN >= found.value} onClick={() => turn(SHOWN)}>
          Older
        </Button>
      </div>
      <div class="bar">
        <Counters
          facts={[
            ["listed", found.value],
            ["received", monitor.received.value],
            ["caught up after a gap", monitor.late.value],
            ["missing", monitor.missing.value],
          ]}
        />
        <span class={paused.value ? "num" : "num unseen"} role="status" data-fact="waiting">
          Paused: {count(waiting.value)} waiting
        </span>
      </div>
      {monitor.refused.value && <Empty title="The server says">{monitor.refused.value}</Empty>}
      <ChangeTable monitor={monitor} />
    </>
  );
}

/** A fixed number of rows: a new change rewrites their text, so that nothing on screen moves. */
function ChangeTable({ monitor }: { monitor: Monitor }) {
  const changes = monitor.changes.value;
  const filled = useSignal(SCREEN);
  useEffect(() => {
    if (monitor.ready.value) setTimeout(() => (filled.value = SHOWN));
  }, [monitor.ready.value]);
  return (
    <div
      class="panel scroll"
      tabIndex={0}
      role="region"
      aria-label="Changes, newest first"
      aria-busy={!monitor.ready.value}
    >
      <table role="table" class="changes" aria-label="Changes">
        <thead role="rowgroup">
          <tr role="row">
            {["Time", "Feed", "Seq", "Op", "Record", "Who", "What"].map((title) => (
              <th key={title} role="columnheader" scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {Array.from({ length: SHOWN }, (_, index) => (
            <ChangeRow key={index} received={index < filled.value ? changes[index] : undefined} />
          ))}
        </tbody>
      </table>
      {changes.length === 0 && (
        <p class="waiting faint">
          {monitor.ready.value
            ? "Waiting for changes: reserve something on Stock."
            : "Reading the log…"}
        </p>
      )}
    </div>
  );
}
