/** `npm run bench`: runs the sections one by one. A section that fails does not stop the others. */

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { memoryFolder } from "@stockwire/local/engine/memory-folder";
import { LocalError } from "@stockwire/local/error";
import { killChildren } from "./child.ts";
import { type Context, openContext } from "./context.ts";
import { http } from "./http/http.ts";
import { idle } from "./http/idle.ts";
import { share } from "./http/share.ts";
import { start } from "./http/start.ts";
import { telemetry } from "./http/telemetry.ts";
import { cold } from "./lambda/cold.ts";
import { frameworks } from "./lambda/frameworks.ts";
import { size } from "./lambda/size.ts";
import { warm } from "./lambda/warm.ts";
import { append } from "./live/append.ts";
import { broadcast } from "./live/broadcast.ts";
import { live } from "./live/live.ts";
import { post } from "./live/post.ts";
import { readNotes, writePage } from "./page.ts";
import { format, type Report } from "./report.ts";
import { contention } from "./store/contention.ts";
import { reserve } from "./store/reserve.ts";
import { scale } from "./store/scale.ts";
import { units } from "./store/units.ts";

interface Section {
  about: string;
  run: (context: Context) => Promise<Report>;
}

const sections: Readonly<Record<string, Section>> = {
  cold: { run: cold, about: "init and first request of the built Lambda bundle" },
  warm: { run: warm, about: "mixed invocations of the bundle" },
  http: { run: http, about: "requests a second through gateway, handler and engine" },
  share: { run: share, about: "what the gateway adds to a request" },
  telemetry: { run: telemetry, about: "CPU of a host with spans, with metrics, and without" },
  units: { run: units, about: "DynamoDB's units and round trips of each operation" },
  reserve: { run: reserve, about: "reservations a second; a naive version oversells" },
  contention: { run: contention, about: "16 and 50 writers of one record, with AWS's conflicts" },
  live: { run: live, about: "ms from a write's answer to its frame, 1 to 1 000 clients" },
  idle: { run: idle, about: "CPU and memory of the laptop without requests" },
  append: { run: append, about: "changes a second into the log; units of the Live API" },
  post: {
    run: post,
    about: "frames a second of CPU through the connections API, and with the SDK",
  },
  broadcast: { run: broadcast, about: "one message to 10 000 WebSockets, and with ws" },
  frameworks: {
    run: frameworks,
    about: "cold and warm: plain, Express, Fastify, Hono, middy, Powertools",
  },
  size: { run: size, about: "size of the Lambda bundles by package, and what init evaluates" },
  start: { run: start, about: "npm run dev: start to ready, and memory" },
  scale: { run: scale, about: "latency with 1 000 and 100 000 records" },
};

const USAGE = `Usage: npm run bench -- [sections] [options]

Measures Stockwire and, in the same run, what it is compared with. Prints each
figure with its goal. Without sections all run, which takes about ten minutes.

${Object.entries(sections)
  .map(([name, { about }]) => `  ${name.padEnd(11)}${about}`)
  .join("\n")}

  --smoke      run each section once, with the smallest counts and without figures:
               proves only that the benchmark works
  --json FILE  write the raw figures
  --write      write docs/performance.md and its pictures; needs all sections
  --help       print this text

Sections live, idle and start need Linux.`;

// ms for one section; a section that hangs would otherwise block CI
const TIMEOUT = 900_000;
const SMOKE_TIMEOUT = 90_000;

const DOCS = join(import.meta.dirname, "../../docs");
const NOTES = join(import.meta.dirname, "notes.md");

const loadAverage = (): string => (loadavg()[0] ?? 0).toFixed(1);

const versionOf = (name: string): string => {
  const file = join(import.meta.dirname, "../../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};

/** The machine and the versions, without which figures cannot be compared. */
function header(): string {
  const all = cpus();
  const libraries = ["hono", "zod", "@aws-sdk/lib-dynamodb", "fastify", "ws"];
  const versions = libraries.map((name) => `${name} ${versionOf(name)}`).join(", ");
  const machine = `${process.platform} ${process.arch}, ${all.length} × ${all[0]?.model.trim()}`;
  return `${machine}; node ${process.version}; ${versions}`;
}

function readOptions() {
  const options = {
    smoke: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new LocalError(error instanceof Error ? error.message : String(error));
  }
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const { values, positionals } = readOptions();
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.write && (values.smoke || positionals.length > 0)) {
    throw new LocalError("--write needs all sections with figures");
  }
  const unknown = positionals.filter((name) => !Object.hasOwn(sections, name));
  if (unknown.length > 0) throw new LocalError(`no section ${unknown.join(", ")}; see --help`);
  const wanted = Object.entries(sections).filter(
    ([name]) => positionals.length === 0 || positionals.includes(name),
  );

  console.log(header());
  const raw: Record<string, unknown> = { header: header() };
  const failed: string[] = [];
  const reports: { section: string; report: Report }[] = [];
  const loadBefore = loadAverage();
  const context = await openContext(values.smoke);
  let interrupted = false;
  const interrupt = () => {
    interrupted = true; // no further section starts
    void end(context).finally(() => process.exit(130));
  };
  process.once("exit", killChildren); // also those that a section has started in the meantime
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    for (const [name, { run }] of wanted) {
      if (interrupted) break;
      const started = performance.now();
      try {
        const report = await withTimeout(run(context), values.smoke ? SMOKE_TIMEOUT : TIMEOUT);
        raw[name] = report.raw;
        reports.push({ section: name, report });
        const text = report.tables.map(format).join("\n");
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        console.log(values.smoke ? `${name.padEnd(11)}runs, ${seconds} s` : text);
      } catch (error) {
        killChildren();
        failed.push(name);
        console.error(`${name}:`, error instanceof LocalError ? error.message : error);
      }
    }
  } finally {
    await end(context);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(raw, null, 1)}\n`);
  if (values.write && failed.length === 0) {
    await writePage(DOCS, {
      date: new Date().toISOString().slice(0, 10),
      machine: header(),
      load: `${loadBefore} and ${loadAverage()}`,
      engine: memoryFolder() === tmpdir() ? "on the disk" : "in memory",
      sections: Object.keys(sections),
      reports,
      notes: readNotes(readFileSync(NOTES, "utf8")),
    });
  }
  if (values.write && failed.length > 0) console.error("docs/performance.md is not changed");
  if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}

/** Rejects after so many ms. The caller then kills the children that the section waits for. */
async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new LocalError(`no result after ${ms} ms`)), ms);
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // fails too when its children are killed
  }
}

async function end(context: Context): Promise<void> {
  killChildren();
  await context.close();
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LocalError ? error.message : error);
    process.exit(1);
  },
);
