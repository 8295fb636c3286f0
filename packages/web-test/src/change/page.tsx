import { useComputed, useSignal } from "@preact/signals";
import type { Topic } from "@stockwire/client/live";
import { useEffect, useMemo } from "preact/hooks";
import type { Connection } from "../connection.ts";
import { count } from "../format.ts";
import { cut, cutUntil } from "../line.ts";
import { FEEDS, feedOf, READ } from "../record/kind.ts";
import { may, now } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Empty, Gate } from "../ui/gate.tsx";
import { type Log, openLog, SHOWN } from "./log.ts";
import { ChangeRow } from "./row.tsx";

const CUT = 10_000; // ms
const FILTERS: readonly Topic[] = ["inventory?level=low", "inventory?level=out"];

export const ChangesPage = () => (
  <Gate needs={[]}>{(connection) => <Changes connection={connection} />}</Gate>
);

function Changes({ connection }: { connection: Connection }) {
  const permitted = FEEDS.filter((feed) => may(READ[feed]));
  const topic = useSignal("");
  const typed = useSignal("");
  const options = [...permitted, ...FILTERS.filter((one) => may(READ[feedOf(one)]))];
  const [first, ...rest] = topic.value === "" ? permitted : [topic.value as Topic];
  if (first === undefined) return <Empty title="Nothing to hear">No scope permits a feed.</Empty>;
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
            {options.map((one) => (
              <option key={one}>{one}</option>
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
          <Action type="submit">Listen</Action>
        </form>
        <CutSwitch />
      </div>
      <Stream key={topic.value} connection={connection} topics={[first, ...rest]} />
    </>
  );
}

/** Cuts this window's connection, and says how the gap was closed. */
function CutSwitch() {
  const left = useComputed(() => Math.max(0, Math.ceil((cutUntil.value - now.value) / 1000)));
  const isCut = left.value > 0;
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isCut}
      aria-disabled={isCut ? "true" : undefined}
      onClick={() => {
        if (!isCut) cut(CUT);
      }}
    >
      <span class="knob" aria-hidden="true" />
      <span class="switch-text">
        {isCut ? `Cut for ${left.value} s` : "Cut the connection for 10 s"}
      </span>
    </button>
  );
}

interface StreamProps {
  connection: Connection;
  topics: readonly [Topic, ...Topic[]];
}

function Stream({ connection, topics }: StreamProps) {
  const log = useMemo(() => openLog(connection, topics), [connection]);
  useEffect(() => () => log.close(), [log]);
  return (
    <>
      <div class="bar">
        <Action pressed={log.paused.value} onPress={() => (log.paused.value = !log.paused.value)}>
          Pause
        </Action>
        <Action onPress={log.clear}>Clear</Action>
        <Tally log={log} />
      </div>
      {log.refused.value && <Empty title="The server says">{log.refused.value}</Empty>}
      <Lines log={log} />
    </>
  );
}

function Tally({ log }: { log: Log }) {
  const facts = [
    ["received", log.received.value],
    ["caught up after a gap", log.late.value],
    ["missing", log.holes.value],
  ] as const;
  return (
    <dl class="tally">
      {facts.map(([name, value]) => (
        <div key={name} data-fact={name}>
          <dt>{name}</dt>
          <dd class="num">{count(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Lines keep their places: what comes in changes their words, and moves nothing. */
function Lines({ log }: { log: Log }) {
  const entries = log.entries.value;
  return (
    <div
      class="panel scroll"
      tabIndex={0}
      role="region"
      aria-label="Changes, newest first"
      aria-busy={!log.ready.value}
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
          {Array.from({ length: SHOWN }, (_, line) => (
            <ChangeRow key={line} entry={entries[line]} />
          ))}
        </tbody>
      </table>
      {entries.length === 0 && (
        <p class="waiting faint">
          {log.ready.value ? "Waiting for changes: reserve something on Stock." : "Subscribing…"}
        </p>
      )}
    </div>
  );
}
