/** A count of many products: a pasted or uploaded CSV, what it would change, and what it has changed. */

import { type Client, unwrap } from "@stockwire/client/http";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Connection, isAway } from "../connection.ts";
import { count } from "../format.ts";
import { errorText } from "../notice.tsx";
import { href } from "../route.ts";
import { Button } from "../ui/button.tsx";
import { Counters } from "../ui/counters.tsx";
import { download } from "../ui/download.ts";
import { Field } from "../ui/field.tsx";
import { memo } from "../ui/memo.ts";
import { TableHead } from "../ui/table-head.tsx";
import { useUnsaved } from "../ui/unsaved.tsx";
import { csvOf, parseCount } from "./csv.ts";
import { byWeight, type Difference, differences } from "./difference.ts";
import { lookUp } from "./look-up.ts";
import { refusalsOf } from "./refusal.ts";
import { CHUNK, type Outcome, runCount } from "./run.ts";

const COMPARE_AFTER = 300; // ms after the last key
const LISTED = 20; // faults and refusals; the saved report has all refusals
const EXAMPLE = "sku,quantity\nPEN-001,118\nPEN-002,40";

interface Report {
  outcomes: readonly Outcome[];
  total: number;
  isRunning: boolean;
}

export function CountPage({ connection: { http } }: { connection: Connection }) {
  const text = useSignal("");
  const reason = useSignal("counted");
  const compared = useSignal<readonly Difference[]>();
  const state = useSignal("");
  const report = useSignal<Report>();
  const stop = useRef<AbortController>(undefined);
  useUnsaved((text.value.trim() !== "" && !report.value) || (report.value?.isRunning ?? false));
  useEffect(() => () => stop.current?.abort(), []);

  const { lines, faults } = useMemo(() => parseCount(text.value), [text.value]);
  useEffect(() => {
    compared.value = undefined;
    report.value = undefined;
    state.value = "";
    if (lines.length === 0) return undefined;
    const looking = new AbortController();
    const compare = async () => {
      const typed = lines.map(({ product }) => product);
      const find = await lookUp(http, typed, {
        signal: looking.signal,
        onProgress: (found) => {
          if (!looking.signal.aborted) state.value = `Reading ${found} of ${typed.length}`;
        },
      });
      if (looking.signal.aborted) return;
      state.value = "";
      compared.value = differences(lines, find);
    };
    const timer = setTimeout(() => {
      state.value = "Reading the levels";
      compare().catch((error: unknown) => {
        if (!looking.signal.aborted) state.value = `Not compared: ${errorText(error)}`;
      });
    }, COMPARE_AFTER);
    return () => {
      looking.abort();
      clearTimeout(timer);
    };
  }, [text.value]);

  const changes = (compared.value ?? []).filter(({ kind }) => kind === "change");
  /** Counts these products; `settled` are the outcomes of the others, which stay in the report. */
  const start = async (products: readonly Difference[], settled: readonly Outcome[]) => {
    if (report.peek()?.isRunning) return;
    const controller = new AbortController();
    stop.current = controller;
    const total = report.peek()?.total ?? products.length;
    const note = (outcomes: readonly Outcome[], isRunning: boolean) =>
      (report.value = { outcomes: [...settled, ...outcomes], total, isRunning });
    note([], true);
    const outcomes = await runCount(products, {
      run: `count-${crypto.randomUUID()}`,
      send: (chunk, key) => setQuantities(http, chunk, reason.value, key),
      refusalsOf,
      untilBack,
      onProgress: (answered) => note(answered, true),
      signal: controller.signal,
    });
    note(outcomes, false);
  };
  const upload = async (file: File | undefined) => {
    if (file) text.value = await file.text();
  };
  const running = report.value?.isRunning ?? false;

  return (
    <div class="stack">
      <section class="panel padded" aria-labelledby="counted-heading">
        <h2 id="counted-heading">What was counted</h2>
        <div class="stack">
          <Field
            label="Lines of a sku or an id, and the units on hand"
            hint="Paste from a spreadsheet, or choose a CSV file. A head is skipped."
            lines={8}
            placeholder={EXAMPLE}
            value={text.value}
            onInput={(value) => (text.value = value)}
          />
          <div class="row">
            <input
              type="file"
              accept=".csv,.txt,text/csv,text/plain"
              aria-label="CSV file"
              onChange={(event) => void upload(event.currentTarget.files?.[0])}
            />
            <Field
              label="Reason"
              value={reason.value}
              onInput={(value) => (reason.value = value)}
            />
          </div>
          {faults.length > 0 && (
            <ul aria-label="Faults">
              {faults.slice(0, LISTED).map(({ line, detail }) => (
                <li key={line} class="problem">
                  Line {line}: {detail}
                </li>
              ))}
              {faults.length > LISTED && <li>and {count(faults.length - LISTED)} more</li>}
            </ul>
          )}
          <p class="faint num" role="status">
            {state.value}
          </p>
        </div>
      </section>
      {compared.value && (
        <section class="panel padded" aria-labelledby="difference-heading">
          <h2 id="difference-heading">What changes</h2>
          <Summary all={compared.value} />
          <div class="row count-actions">
            <Button
              primary
              disabled={changes.length === 0 || report.value !== undefined || isAway.value}
              onClick={() => {
                if (!report.peek()) void start(changes, []);
              }}
            >
              Count {count(changes.length)} products
            </Button>
            {running && <Button onClick={() => stop.current?.abort()}>Stop</Button>}
            <a class="button" href={href("inventory")}>
              Back
            </a>
          </div>
          {changes.length > 0 && (
            <p class="faint">
              {CHUNK} products are counted together, all or none. If one is refused, for example
              since units were sold meanwhile, the report names it and counts the others in one
              press.
            </p>
          )}
          {report.value && (
            <ReportView
              report={report.value}
              onContinue={(held, settled) => void start(held, settled)}
            />
          )}
          <Differences all={compared.value} />
        </section>
      )}
    </div>
  );
}

/** Sets the quantities, all or none, if each is still the one that was compared. */
function setQuantities(http: Client, chunk: readonly Difference[], reason: string, key: string) {
  const text = reason.trim();
  const counts = chunk.map(({ productId, from, to }) => ({
    productId,
    quantity: to,
    expectedQuantity: from,
  }));
  const json = { counts, ...(text !== "" && { reason: text }) };
  return unwrap(http.inventory.counts.$post({ json }, { headers: { "Idempotency-Key": key } }));
}

const WAIT = { base: 500, cap: 5_000 }; // ms

/** Waits a while, longer after each failure, and until the connection is there again. */
async function untilBack(failures: number): Promise<void> {
  const ms = Math.min(WAIT.cap, WAIT.base * 2 ** failures);
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (!isAway.peek()) return;
  await new Promise<void>((resolve) => {
    const unsubscribe = isAway.subscribe((away) => {
      if (away) return;
      queueMicrotask(() => unsubscribe());
      resolve();
    });
  });
}

function Summary({ all }: { all: readonly Difference[] }) {
  const of = (kind: Difference["kind"]) => all.filter((each) => each.kind === kind);
  const sum = of("change").reduce((units, { from, to }) => units + to - from, 0);
  return (
    <Counters
      facts={[
        ["differ", of("change").length],
        ["units", sum],
        ["are right", of("same").length],
        ["not found", of("unknown").length],
        ["below what is reserved", of("reserved").length],
        ["counted twice", of("again").length],
      ]}
    />
  );
}

interface ReportProps {
  report: Report;
  /** Counts the products that were held back; the other outcomes stay. */
  onContinue: (held: readonly Difference[], settled: readonly Outcome[]) => void;
}

const HELD = `not counted, since another product of its ${CHUNK} was refused`;

function ReportView({ report: { outcomes, total, isRunning }, onContinue }: ReportProps) {
  const of = (kind: Outcome["kind"]) => outcomes.filter((each) => each.kind === kind);
  const [refused, held] = [of("refused"), of("held").map(({ difference }) => difference)];
  const left = total - outcomes.length;
  const save = () => {
    const rows = outcomes.map(({ difference, kind, refusal = kind }) => {
      const { typed, name, from, to } = difference;
      return [typed, name, from, to, to - from, kind === "held" ? HELD : refusal];
    });
    const head = ["product", "name", "before", "counted", "difference", "outcome"];
    download("count.csv", csvOf([head, ...rows]), "text/csv");
  };
  const others = held.length === 1 ? "1 other" : `${count(held.length)} others`;
  return (
    <div class="stack report" aria-live="polite">
      <progress value={outcomes.length} max={total} aria-label="Progress" />
      <p class="num" data-fact="report">
        {count(of("counted").length)} counted, {count(refused.length)} refused
        {held.length > 0 && `, ${count(held.length)} held back`}
        {left > 0 && `, ${count(left)} ${isRunning ? "to go" : "not sent"}`}
        {isRunning && isAway.value && " · waiting for the server"}
      </p>
      {refused.length > 0 && (
        <ul aria-label="Refused">
          {refused.slice(0, LISTED).map(({ difference, refusal }) => (
            <li key={difference.line} class="problem">
              Line {difference.line}, {difference.name}: {refusal}
            </li>
          ))}
          {refused.length > LISTED && <li>and {count(refused.length - LISTED)} more</li>}
        </ul>
      )}
      {!isRunning && held.length > 0 && (
        <p>Held back: not counted, since another product of their {CHUNK} was refused.</p>
      )}
      {!isRunning && (
        <div class="row">
          {held.length > 0 && (
            <Button
              primary
              disabled={isAway.value}
              onClick={() =>
                onContinue(
                  held,
                  outcomes.filter(({ kind }) => kind !== "held"),
                )
              }
            >
              Count the {others}
            </Button>
          )}
          <Button onClick={save}>Save the report</Button>
        </div>
      )}
      {isRunning && <p class="faint">In chunks of {CHUNK}. Leave this window open.</p>}
    </div>
  );
}

const KINDS: Readonly<Record<Difference["kind"], string>> = {
  change: "",
  same: "right",
  unknown: "no such product",
  reserved: "more are reserved",
  again: "counted in another line",
};
const COLUMNS = [
  { title: "Line", num: true },
  { title: "Product" },
  { title: "Before", num: true },
  { title: "Counted", num: true },
  { title: "Difference", num: true },
  { title: "Note" },
];
const SHOWN = 1_000; // rows

/** Drawn once, and not again while the count goes on. */
const Differences = memo(({ all }: { all: readonly Difference[] }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="Differences">
    <table class="differences">
      <TableHead columns={COLUMNS} />
      <tbody>
        {byWeight(all)
          .slice(0, SHOWN)
          .map(({ line, typed, kind, name, productId, from, to }) => (
            <tr key={line} data-kind={kind}>
              <td class="num">{line}</td>
              <td>{productId === "" ? typed : <a href={href("products", productId)}>{name}</a>}</td>
              <td class="num">{kind === "unknown" ? "–" : count(from)}</td>
              <td class="num">{count(to)}</td>
              <td class="num">{kind === "unknown" ? "–" : signed(to - from)}</td>
              <td class={kind === "same" ? "faint" : "problem"}>{KINDS[kind]}</td>
            </tr>
          ))}
      </tbody>
    </table>
    {all.length > SHOWN && <p class="faint">The first {count(SHOWN)} rows are shown.</p>}
  </div>
));

const signed = (units: number): string => (units > 0 ? `+${count(units)}` : count(units));
