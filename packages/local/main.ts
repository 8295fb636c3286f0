/**
 * `npm run dev`: starts the laptop and stops it on SIGINT or SIGTERM, with exit code 0. An expected
 * error, such as a port in use, is printed as one line with exit code 1.
 */

import { isIP } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fidelityReport } from "@stockwire/gateway/fidelity";
import { ListenError } from "@stockwire/gateway/server";
import type { PartnerSettings } from "./api-definition.ts";
import { LocalError, messageOf } from "./error.ts";
import { onClosedPipe } from "./closed-pipe.ts";
import type { Laptop } from "./laptop.ts";
import { createLineLog } from "./line-log.ts";
import { restartOnChange } from "./restart-on-change.ts";
import { readPort, ROOT } from "./server-registry.ts";

const USAGE = `Usage: npm run dev -- [options]

Runs Stockwire on this machine: gateway, token issuer and an embedded DynamoDB.

  --port N     port to listen on; 0 picks a free one (default: PORT or 3000)
  --data DIR   folder of all data (default: STOCKWIRE_DATA or .stockwire)
  --engine-port N  port of the embedded DynamoDB, for other tools (default: a free one)
  --no-seed    add no demo data to a new table
  --posts HOW  how frames reach WebSocket connections: \`direct\` (default) in this process, or \`http\`
               as signed requests to @connections, as on AWS; slower
  --partner-cache      cache answers of the Partner API for 300 s
  --partner-deny LIST  refuse partners from these ranges, such as 203.0.113.0/24,2001:db8::/32
  --partner-quota N    requests a month of plan \`basic\` (default: 1000)
  --fidelity   print what the gateway emulates of AWS, and end
  --watch      restart when a source file changes; data and port stay the same
  --help       show this text

  DYNAMODB_ENDPOINT  URL of a running engine, or \`aws\` for Amazon's DynamoDB
  DYNOXIDE_BIN       path of another binary of the embedded engine`;

/** The folders whose code the server runs. The console is rebuilt without a restart. */
const WATCHED = [
  "packages/core/src",
  "packages/functions/src",
  "packages/gateway",
  "packages/local",
];

/** A wrong command line. */
class UsageError extends Error {}

function readOptions() {
  const options = {
    port: { type: "string" },
    data: { type: "string", default: process.env["STOCKWIRE_DATA"] || join(ROOT, ".stockwire") },
    "engine-port": { type: "string" },
    seed: { type: "boolean", default: true },
    posts: { type: "string", default: "direct" },
    "partner-cache": { type: "boolean", default: false },
    "partner-deny": { type: "string", default: "" },
    "partner-quota": { type: "string" },
    watch: { type: "boolean", default: false },
    fidelity: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    const { values } = parseArgs({ options, allowNegative: true });
    const port = readPort(values.port, { least: 0 });
    const enginePort = readPort(values["engine-port"] ?? "0", {
      option: "--engine-port",
      least: 0,
    });
    if (enginePort > 0 && process.env["DYNAMODB_ENDPOINT"]) {
      throw new Error("--engine-port is for the embedded engine; DYNAMODB_ENDPOINT names another");
    }
    if (values.data === "") throw new Error("--data must be a folder");
    const { posts } = values;
    if (posts !== "direct" && posts !== "http") throw new Error("--posts must be direct or http");
    return { ...values, port, enginePort, posts, partner: readPartner(values) } as const;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

interface PartnerValues {
  "partner-cache": boolean;
  "partner-deny": string;
  "partner-quota"?: string;
}

function readPartner(values: PartnerValues): PartnerSettings {
  const { "partner-cache": cache, "partner-deny": deny, "partner-quota": quota } = values;
  const deniedRanges = deny.split(",").flatMap((range) => range.trim() || []);
  if (!deniedRanges.every(isRange)) {
    throw new Error("--partner-deny must be ranges such as 203.0.113.0/24");
  }
  if (quota !== undefined && !/^\d{1,9}$/.test(quota)) {
    throw new Error("--partner-quota must be a whole number");
  }
  return { cache, deniedRanges, ...(quota !== undefined && { basicQuota: Number(quota) }) };
}

function isRange(range: string): boolean {
  const [address = "", bits = ""] = range.split("/");
  const version = isIP(address);
  return version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

/** What another tool needs to read the tables. An engine accepts any key. */
function describeEngine({ engine, credentials, region }: Laptop): string {
  if (engine === undefined) return "on AWS";
  const { accessKeyId, secretAccessKey } = credentials ?? {};
  return `${engine} (region ${region}, access key ${accessKeyId}, secret key ${secretAccessKey})`;
}

function fail(error: unknown): never {
  const isExpected =
    error instanceof UsageError || error instanceof LocalError || error instanceof ListenError;
  console.error(isExpected ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const { port, enginePort, data, seed, posts, partner, watch, fidelity, help } = readOptions();
  if (help) return console.log(USAGE);
  if (fidelity) return console.log(fidelityReport());
  // Installed before the start, so that a signal during the start is not lost.
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  onClosedPipe(stop);

  if (watch) {
    const code = await restartOnChange({
      program: import.meta.filename,
      args: [
        "--port",
        String(port),
        "--data",
        data,
        "--engine-port",
        String(enginePort),
        "--posts",
        posts,
        ...(seed ? [] : ["--no-seed"]),
        ...(partner.cache ? ["--partner-cache"] : []),
        "--partner-deny",
        partner.deniedRanges.join(","),
        ...(partner.basicQuota === undefined
          ? []
          : ["--partner-quota", String(partner.basicQuota)]),
      ],
      root: ROOT,
      folders: WATCHED,
      log: (line) => console.log(line),
      stopping: stopping.signal,
    });
    process.exit(code);
  }

  const isWatched = process.connected; // the IPC channel to a parent with --watch
  if (isWatched) process.once("disconnect", stop);
  const { startLaptop } = await import("./laptop.ts"); // not with --watch, which needs none of it
  const log = createLineLog((text) => process.stdout.write(text));
  const laptop = await startLaptop({
    port,
    dataDir: data,
    enginePort,
    seed,
    posts,
    partner,
    log,
    onDown: fail,
  });
  const actualPort = Number(new URL(laptop.url).port);
  log(`Console:       ${laptop.url}/console`);
  log(`API reference: ${laptop.url}/docs`);
  log(`Guide:         ${laptop.url}/docs/guide`);
  log(`DynamoDB:      ${describeEngine(laptop)}`);
  log(`Partner API:   ${laptop.url}/partner`);
  if (laptop.partnerKey !== undefined) {
    log(`An API key:    ${laptop.partnerKey} (plan basic; shown only now)`);
  }
  log(`A token:       npm run -s token -- --scope admin --port ${actualPort}`);
  log(isWatched ? "Watching packages/ for changes" : "Restart on change: npm run dev -- --watch");
  log(`Stockwire is ready: ${laptop.url}`);
  if (isWatched) process.send?.({ port: actualPort });
  if (!stopping.signal.aborted) {
    await new Promise((resolve) => stopping.signal.addEventListener("abort", resolve));
  }
  await laptop.stop();
  process.exit(0);
}

main().catch(fail);
