import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LocalError } from "@stockwire/local/error";
import { append } from "./live/append.ts";
import { broadcast } from "./live/broadcast.ts";
import { stopChildren } from "./child.ts";
import { cold } from "./lambda/cold.ts";
import { type Context, openContext } from "./context.ts";
import { http } from "./http/http.ts";
import { idle } from "./http/idle.ts";
import { live } from "./live/live.ts";
import { post } from "./live/post.ts";
import { print, type Report } from "./report.ts";
import { reserve } from "./store/reserve.ts";
import { scale } from "./store/scale.ts";
import { size } from "./lambda/size.ts";
import { start } from "./http/start.ts";
import { units } from "./store/units.ts";
import { warm } from "./lambda/warm.ts";

const USAGE = `Usage: npm run bench -- [sections] [options]

Measures Stockwire beside what it is compared with, in one run, and prints each
figure with its goal. Without sections all run.

  cold    init and first request of the built Lambda bundle
  warm    mixed invocations of it
  http    requests a second through gateway, handler and engine
  units   DynamoDB's units and round trips of each operation
  reserve reservations a second, conflicts, units; a naive version oversells
  live    from a write's answer to the frame at 1, 100 and 1 000 clients
  idle    CPU and memory of the laptop without a request
  append  changes a second into the log, and units of the Live API
  post    posts to connections a second of CPU, beside the SDK as it comes
  broadcast  a message to 10 000 WebSockets, beside bare sockets and ws
  size    Lambda bundles
  start   npm run dev, start to ready, and memory
  scale   latency at 1 000 and 100 000 records

  --json FILE  write the raw figures
  --help       this text`;

const sections: Readonly<Record<string, (context: Context) => Promise<Report>>> = {
  cold,
  warm,
  http,
  units,
  reserve,
  live,
  idle,
  append,
  post,
  broadcast,
  size,
  start,
  scale,
};

const versionOf = (name: string): string => {
  const file = join(import.meta.dirname, "../../../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};

/** The machine and what runs on it, in a line that is the same every day. */
function header(): string {
  const all = cpus();
  const libraries = ["hono", "zod", "@aws-sdk/lib-dynamodb", "fastify", "ws"];
  const versions = libraries.map((name) => `${name} ${versionOf(name)}`).join(", ");
  const machine = `${process.platform} ${process.arch}, ${all.length} × ${all[0]?.model.trim()}`;
  return `${machine}; node ${process.version}; ${versions}`;
}

function readOptions() {
  const options = { json: { type: "string" }, help: { type: "boolean", default: false } } as const;
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new LocalError(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<void> {
  const { values, positionals } = readOptions();
  if (values.help) return console.log(USAGE);
  const unknown = positionals.filter((name) => !Object.hasOwn(sections, name));
  if (unknown.length > 0) throw new LocalError(`no section ${unknown.join(", ")}; see --help`);
  const wanted = Object.entries(sections).filter(
    ([name]) => positionals.length === 0 || positionals.includes(name),
  );

  console.log(header());
  const raw: Record<string, unknown> = { header: header() };
  const context = await openContext();
  const interrupted = () => void end(context).finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    for (const [name, run] of wanted) {
      const report = await run(context);
      report.tables.forEach(print);
      raw[name] = report.raw;
    }
  } finally {
    await end(context);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(raw, null, 1)}\n`);
}

async function end(context: Context): Promise<void> {
  stopChildren();
  await context.close();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof LocalError ? error.message : error);
    process.exit(1);
  },
);
