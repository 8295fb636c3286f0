import { join } from "node:path";
import { parseArgs } from "node:util";
import { LocalError } from "./error.ts";
import { ListenError } from "@stockwire/gateway/server";
import { startLaptop } from "./laptop.ts";
import { ROOT } from "./servers.ts";

const USAGE = `Usage: npm run dev -- [options]

Runs Stockwire on this machine: gateway, token issuer and an embedded DynamoDB.

  --port N     where to listen; 0 picks a free port (PORT or 3000)
  --data DIR   where the data live (STOCKWIRE_DATA or .stockwire)
  --no-seed    leave a new table empty
  --help       this text

  DYNAMODB_ENDPOINT  an engine that runs already, or \`aws\` for the real DynamoDB
  DYNOXIDE_BIN       another binary of the embedded engine`;

/** A mistake in the command line: said in one line. */
class UsageError extends Error {}

function readOptions() {
  const options = {
    port: { type: "string", default: process.env["PORT"] || "3000" },
    data: { type: "string", default: process.env["STOCKWIRE_DATA"] || join(ROOT, ".stockwire") },
    seed: { type: "boolean", default: true },
    help: { type: "boolean", default: false },
  } as const;
  try {
    const { values } = parseArgs({ options, allowNegative: true });
    const port = Number(values.port);
    if (!/^\d{1,5}$/.test(values.port) || port > 65_535)
      throw new Error("--port must be 0 to 65535");
    if (values.data === "") throw new Error("--data must be a folder");
    return { ...values, port };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function end(error: unknown): never {
  const expected =
    error instanceof UsageError || error instanceof LocalError || error instanceof ListenError;
  console.error(expected ? error.message : error);
  process.exit(1);
}

async function main(): Promise<void> {
  const { port, data, seed, help } = readOptions();
  if (help) return console.log(USAGE);
  // A signal that comes while all is starting still ends it cleanly.
  const signal = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  const laptop = await startLaptop({
    port,
    dataDir: data,
    seed,
    log: (line) => console.log(line),
    onDown: end,
  });
  console.log(`Console:       ${laptop.url}/console`);
  console.log(`API reference: ${laptop.url}/docs`);
  console.log(
    `A token:       npm run -s token -- --scope admin --port ${new URL(laptop.url).port}`,
  );
  console.log(`Stockwire is ready: ${laptop.url}`);
  await signal;
  await laptop.stop();
  process.exit(0);
}

main().catch(end);
