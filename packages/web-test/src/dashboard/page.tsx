/** The dashboard: changes, their delay, this window's connection, and stock levels. */

import { type Client, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Connection, connectionId, outages, status } from "../connection.ts";
import { clock, count, duration } from "../format.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { hasScope, now } from "../session.ts";
import { BarChart } from "../ui/chart.tsx";
import { Counters } from "../ui/counters.tsx";
import { LevelBadge } from "../ui/level.tsx";
import { RequireScopes } from "../ui/require-scopes.tsx";
import { meterOf } from "./meter.ts";

export const DashboardPage = () => (
  <RequireScopes scopes={[]}>
    {(connection) => (
      <div class="columns">
        <Changes connection={connection} />
        <Lag connection={connection} />
        <Link />
        {hasScope("read:inventory") && <Levels connection={connection} />}
      </div>
    )}
  </RequireScopes>
);

const HALF_HOUR = ["30 minutes ago", "now"] as const;

function Changes({ connection: { live } }: { connection: Connection }) {
  const meter = meterOf(live);
  void meter.drawn.value;
  const counts = meter.committed.counts(now.value);
  const last = counts.at(-1) ?? 0;
  return (
    <section class="panel padded" aria-labelledby="rate-heading">
      <h2 id="rate-heading">Changes per minute</h2>
      <BarChart
        values={counts}
        ends={HALF_HOUR}
        label={`${count(last)} changes in this minute, ${count(Math.max(...counts))} in the busiest of the last 30`}
      />
      <p class="faint">Counted since {clock(new Date(meter.since).toISOString())}.</p>
      <p class="faint">Delivered to this window:</p>
      <Counters facts={meter.byFeed} />
    </section>
  );
}

function Lag({ connection: { live } }: { connection: Connection }) {
  const meter = meterOf(live);
  void meter.drawn.value;
  const medians = meter.delivered.medians(now.value);
  const delivered = meter.delivered.counts(now.value);
  return (
    <section class="panel padded" aria-labelledby="lag-heading">
      <h2 id="lag-heading">From request to this window</h2>
      <BarChart
        values={medians}
        unit=" ms"
        ends={HALF_HOUR}
        label={`${count(medians.at(-1) ?? 0)} ms in this minute, the median of each minute`}
      />
      <Counters
        facts={[
          ["latest", meter.lag === undefined ? "–" : `${count(meter.lag)} ms`],
          ["deliveries in this minute", delivered.at(-1) ?? 0],
        ]}
      />
      <p class="faint">
        With the difference between both clocks. Changes after a cut do not count.
      </p>
    </section>
  );
}

const SHOWN = 5; // outages

function Link() {
  const lost = outages.value;
  return (
    <section class="panel padded" aria-labelledby="link-heading">
      <h2 id="link-heading">This window's connection</h2>
      <dl class="facts">
        <dt>State</dt>
        <dd data-fact="state">{status.value}</dd>
        <dt>Id</dt>
        <dd>
          <code>{connectionId.value}</code>
        </dd>
        <dt>Cuts</dt>
        <dd class="num" data-fact="cuts">
          {count(lost.length)}
        </dd>
      </dl>
      {lost.length > 0 && (
        <ul aria-label="Cuts">
          {lost.slice(0, SHOWN).map(({ from, to }) => (
            <li key={from} class="num">
              {clock(new Date(from).toISOString())} for{" "}
              {duration(Math.round(((to ?? now.value) - from) / 1000))}
            </li>
          ))}
        </ul>
      )}
      <p class="faint">
        The server does not say how many connections there are. A caller may have 20.
      </p>
    </section>
  );
}

const MOST = 5; // pages
const PAGE = 100; // levels
const READ_EVERY = 30_000; // ms

interface Count {
  level: "out" | "low";
  count: number;
  isMore: boolean;
}

/** Products at a level, up to 500. */
async function countOf(http: Client, level: "out" | "low"): Promise<Count> {
  let found = 0;
  let token: string | undefined;
  for (let page = 0; page < MOST; page++) {
    const query = { level, limit: PAGE, ...(token !== undefined && { nextToken: token }) };
    const { items, nextToken } = await unwrap(http.inventory.$get({ query }));
    found += items.length;
    if (nextToken === null) return { level, count: found, isMore: false };
    token = nextToken;
  }
  return { level, count: found, isMore: true };
}

function Levels({ connection: { http } }: { connection: Connection }) {
  const counts = useSignal<readonly Count[]>([]);
  const failure = useSignal<string>();
  useEffect(() => {
    let isOpen = true;
    const read = async () => {
      try {
        const both = await Promise.all([countOf(http, "out"), countOf(http, "low")]);
        if (!isOpen) return;
        counts.value = both;
        failure.value = undefined;
      } catch (error) {
        if (isOpen) failure.value = errorText(error);
      }
    };
    void read();
    const timer = setInterval(() => void read(), READ_EVERY);
    return () => {
      isOpen = false;
      clearInterval(timer);
    };
  }, []);
  const most = Math.max(1, ...counts.value.map((each) => each.count));
  return (
    <section class="panel padded" aria-labelledby="levels-heading">
      <h2 id="levels-heading">Stock levels</h2>
      {failure.value && <p class="problem">{failure.value}</p>}
      <dl class="levels">
        {counts.value.map(({ level, count: found, isMore }) => (
          <div key={level} data-fact={level}>
            <dt>
              <a href={`${href("inventory")}?level=${level}`}>
                <LevelBadge level={level} />
              </a>
            </dt>
            <dd class="num">
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class={`bar-${level}`} width={(100 * found) / most} height="8" />
              </svg>
              {count(found)}
              {isMore && " or more"}
            </dd>
          </div>
        ))}
      </dl>
      <p class="faint">
        Read twice a minute. The other products have more than their reorder point.
      </p>
    </section>
  );
}
