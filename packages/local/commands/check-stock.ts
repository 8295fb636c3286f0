/**
 * `npm run check-stock`: recomputes the stock of every product from its records and prints the
 * differences. It reads only, unless --repair is given.
 */

import { createClient } from "@stockwire/core/store/client";
import { AppError } from "@stockwire/core/error";
import { newId } from "@stockwire/core/id";
import { checkStock, type Difference, type Progress } from "@stockwire/core/catalog/stock-check";
import { repair, repairReservation } from "@stockwire/core/catalog/stock-repair";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { parseArgs } from "node:util";
import { onClosedPipe } from "../closed-pipe.ts";
import { localClientConfig } from "../engine/client-config.ts";
import { LocalError, messageOf } from "../error.ts";
import { findRunning } from "../server-registry.ts";

const USAGE = `Usage: npm run check-stock -- [--port N | --table NAME] [--repair]

Recomputes all stock from its records and prints the differences. Exit code 0: no
difference; 1: differences; 2: the stock could not be checked.

  --port N      check the data of the server on this port (default: PORT or 3000)
  --table NAME  check this table instead, with the region and credentials of the AWS SDK
  --repair      repair what can be repaired, and check again
  --help        show this text

  DYNAMODB_ENDPOINT  endpoint of the table's engine, if it is not on AWS`;

/** The table to check. */
interface Target {
  table: string;
  engine?: string | undefined; // endpoint of a local DynamoDB engine; undefined for AWS
}

function readOptions() {
  const options = {
    port: { type: "string" },
    table: { type: "string" },
    repair: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    throw new LocalError(messageOf(error));
  }
}

function targetOf({ port, table }: { port?: string; table?: string }): Target {
  if (table !== undefined) {
    if (port !== undefined) throw new LocalError("--port or --table, not both");
    if (table === "") throw new LocalError("--table must be the name of a table");
    const engine = process.env["DYNAMODB_ENDPOINT"];
    return { table, engine: engine === "aws" ? undefined : engine };
  }
  const server = findRunning(port);
  return { table: server.table, engine: server.endpoint };
}

/**
 * A table on AWS is read by the SDK, which finds the developer's credentials. It is loaded then only: it
 * would take half of the time of a check on this machine.
 */
async function open({ engine }: Target) {
  if (engine) return createClient(localClientConfig(engine));
  const { createSdkClient } = await import("@stockwire/core/store/sdk-client");
  const endpoint = process.env["AWS_ENDPOINT_URL_DYNAMODB"] || undefined;
  return createSdkClient({ region: await sdkRegion(), endpoint });
}

async function sdkRegion(): Promise<string> {
  const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
  const client = new DynamoDBClient({});
  try {
    return await client.config.region();
  } finally {
    client.destroy();
  }
}

/**
 * Configures core for the table, with the number of shards that the table records. Returns a function
 * that disconnects.
 */
async function connect(target: Target): Promise<() => void> {
  const { table: tableName, engine } = target;
  const where = `table ${tableName}${engine ? ` at ${engine}` : ""}`;
  try {
    const client = await open(target);
    const Key = DynamoDB.SHARDS_KEY;
    const input = { TableName: tableName, Key, ConsistentRead: true };
    const shards: unknown = (await client.send("GetItem", input)).Item?.["shards"];
    if (typeof shards !== "number") {
      throw new LocalError(`${where} is not a table that Stockwire has used`);
    }
    DynamoDB.configure({ client, tableName, shards });
    return () => client.close();
  } catch (error) {
    if (error instanceof LocalError) throw error;
    throw new LocalError(`${where} can't be read: ${reasonOf(error)}`);
  }
}

/** The first line of an error's message; some network errors have a code only. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [line = ""] = error.message.split("\n");
  return line || ("code" in error ? String(error.code) : error.name);
}

const countOf = ({ products, reservations }: Progress) =>
  `${products} products, ${reservations} reservations`;

const textOf = ({ productId, rule, expected, actual, reservationId }: Difference): string =>
  ({
    bounds: `product ${productId}: ${actual}, but it must be ${expected}`,
    available: `product ${productId}: ${actual} available, but on hand less reserved is ${expected}`,
    level: `product ${productId}: its level has ${actual}, but should have ${expected}`,
    moved: `product ${productId}: movements sum up to ${actual}, but ${expected} are on hand`,
    reserved: `product ${productId}: ${actual} reserved, but active reservations hold ${expected}`,
    line: `product ${productId}, reservation ${reservationId}: the line is ${actual}, but should be ${expected}`,
    expiry: `reservation ${reservationId}: ${actual} for the sweep, but should be ${expected}`,
  })[rule];

/** Reports the progress on standard error: every second on a terminal, every 10 s in a log. */
function reporter() {
  let due = Date.now() + 1_000;
  return (progress: Progress) => {
    if (Date.now() < due) return;
    due = Date.now() + (process.stderr.isTTY ? 1_000 : 10_000);
    console.error(`${countOf(progress)} so far`);
  };
}

/**
 * Returns a function that repairs a difference and resolves with whether it succeeded. A product's
 * inventory is repaired as a whole, so only the first of its differences does work.
 */
function repairer() {
  let last: { productId: string; done: boolean } | undefined;
  return async ({ productId, reservationId }: Difference): Promise<boolean> => {
    const by = { actor: "check-stock", requestId: newId(), at: new Date().toISOString() };
    if (reservationId !== undefined) return repairReservation(reservationId, productId, by);
    if (last?.productId !== productId) last = { productId, done: await repair(productId, by) };
    return last.done;
  };
}

/** Prints all differences, with the outcome of `fix` if it is given, and returns their number. */
async function check(fix?: (difference: Difference) => Promise<boolean>): Promise<number> {
  let count = 0;
  let progress: Progress = { products: 0, reservations: 0, unsettled: 0 };
  const report = reporter();
  const onProgress = (now: Progress) => {
    progress = now;
    report(now);
  };
  for await (const difference of checkStock({ onProgress })) {
    count++;
    const outcome = fix && ((await fix(difference)) ? ": repaired" : ": not repaired");
    console.log(textOf(difference) + (outcome ?? ""));
  }
  if (progress.unsettled > 0) {
    console.error(`${progress.unsettled} records kept changing: check again later`);
  }
  console.log(`${countOf(progress)}: ${summaryOf(count)}`);
  return count;
}

function summaryOf(count: number): string {
  if (count === 0) return "no differences";
  return count === 1 ? "1 difference" : `${count} differences`;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const disconnect = await connect(targetOf(options));
  try {
    if (!options.repair) return (await check()) === 0 ? 0 : 1;
    if ((await check(repairer())) === 0) return 0;
    return (await check()) === 0 ? 0 : 1;
  } finally {
    disconnect();
  }
}

onClosedPipe(() => undefined); // a repair continues without a reader
try {
  process.exitCode = await main();
} catch (error) {
  const expected = error instanceof LocalError || error instanceof AppError;
  console.error(expected ? error.message : error);
  process.exitCode = 2;
}
