/** The JavaScript runtimes that the client is run on, from the npm registry. */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const node = (version: string) => `npm:node-${process.platform}-${process.arch}@${version}`;

const VERSIONS = {
  bun: "1.4.5",
  deno: "2.9.6",
  node20: node("20.20.2"),
  node22: node("22.23.5"),
  workerd: "1.20261117.1",
};

const cache = join(import.meta.dirname, "../../../node_modules/.cache");
const CLIENT = "stockwire-client";
const module = (path: string) => join(cache, CLIENT, "node_modules", path);

/** The programs, with the arguments before a script's path. */
export const runtimes: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "Node 20": [module("node20/bin/node")],
  "Node 22": [module("node22/bin/node")],
  "Node 24": [process.execPath],
  Bun: [module(".bin/bun"), "run"],
  Deno: [module(".bin/deno"), "run", "-A", "--node-modules-dir=manual", "--quiet"],
};

export const workerd = module(".bin/workerd");

/** Installs what is missing. */
export async function installRuntimes(): Promise<void> {
  await installed(CLIENT, VERSIONS);
}

/** A folder with these packages (name → version), which is kept for the next run. */
export async function installed(
  name: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(cache, name);
  const manifest = JSON.stringify({ private: true, dependencies });
  const done = join(folder, "installed.json");
  if (existsSync(done) && readFileSync(done, "utf8") === manifest) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), manifest);
  await npmInstall(folder);
  writeFileSync(done, manifest);
  return folder;
}

/** `npm install` in a folder. Packages that npm has in its cache are not asked for again. */
export async function npmInstall(cwd: string, ...packages: string[]): Promise<void> {
  const args = ["install", "--no-audit", "--no-fund", "--no-save", "--prefer-offline"];
  // A workspace's own settings must not reach a project outside of it.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")),
  );
  await run("npm", [...args, ...packages], { cwd, env });
}
