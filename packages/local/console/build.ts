/**
 * Builds the console with Vite whenever its sources have changed since the last build. A build is a
 * folder `dist/<hash of the sources>`, so it stays valid after a restart, and several servers share it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { messageOf } from "../error.ts";
import { ROOT } from "../server-registry.ts";

/** A file of the console in memory, and packed with gzip where that is worth it. */
export interface Asset {
  type: string;
  plain: Content;
  gzip?: Content;
}

export interface Content {
  etag: string;
  body: Buffer;
}

/** `reason` is the error output of Vite. */
export type Build =
  | { state: "ready"; page: Asset; assets: ReadonlyMap<string, Asset> }
  | { state: "building" }
  | { state: "failed"; reason: string };

export interface Builder {
  /** The build of the present sources. Starts one, and returns "building", if there is none yet. */
  current(): Build;
  stop(): void;
}

const CONSOLE = join(ROOT, "packages/web-test");
const SOURCES = [
  "packages/web-test/{index.html,vite.config.ts,package.json}",
  "packages/web-test/src/**/*.*",
  "packages/client/src/**/*.ts",
  "package-lock.json",
];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Vite runs in a child process, so that the server keeps answering during a build. */
export function createBuilder(): Builder {
  let latest: { key: string; build: Build } | undefined;
  let running: ChildProcess | undefined;

  const start = (key: string): Build => {
    running?.kill();
    const vite = viteOf(CONSOLE);
    if (vite === undefined) return { state: "failed", reason: "Vite is missing: npm ci" };
    const draft = join(CONSOLE, "dist", `.draft-${randomUUID()}`);
    const child = spawn(process.execPath, [vite, "build", "--outDir", draft], {
      cwd: CONSOLE,
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env["PATH"], NODE_ENV: "production" },
    });
    running = child;
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const finish = (build: Build) => {
      if (running !== child) return; // a later build has replaced this one
      running = undefined;
      latest = { key, build };
    };
    child.on("error", (error) => finish({ state: "failed", reason: error.message }));
    child.on("close", (code) => {
      if (code !== 0 || running !== child) {
        rmSync(draft, { recursive: true, force: true });
        finish({ state: "failed", reason: errors.trim() || `Vite ended with ${code}` });
      } else finish(publish(draft, key));
    });
    return { state: "building" };
  };

  return {
    current() {
      const key = hashOf(SOURCES);
      if (latest?.key !== key) {
        const folder = join(CONSOLE, "dist", key);
        latest = { key, build: existsSync(folder) ? load(folder) : start(key) };
      }
      return latest.build;
    },
    stop: () => void running?.kill(),
  };
}

function hashOf(patterns: string[]): string {
  const hash = createHash("sha256");
  for (const file of globSync(patterns, { cwd: ROOT }).toSorted()) {
    if (file.endsWith(".test.ts")) continue;
    hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

function viteOf(folder: string): string | undefined {
  try {
    const manifest = createRequire(join(folder, "package.json")).resolve("vite/package.json");
    return join(dirname(manifest), "bin/vite.js");
  } catch {
    return undefined;
  }
}

const ABANDONED_AFTER = 10 * 60_000; // ms

/**
 * Moves a finished build to its final folder, unless another process has done so first. Deletes
 * earlier builds, and drafts of processes that were killed.
 */
function publish(draft: string, key: string): Build {
  const dist = join(CONSOLE, "dist");
  const folder = join(dist, key);
  for (const name of globSync(".draft-*", { cwd: dist })) {
    const other = join(dist, name);
    const isOld = Date.now() - statSync(other).mtimeMs > ABANDONED_AFTER;
    if (other !== draft && isOld) rmSync(other, { recursive: true, force: true });
  }
  mkdirSync(dist, { recursive: true });
  if (existsSync(folder)) rmSync(draft, { recursive: true, force: true });
  else renameSync(draft, folder);
  for (const name of globSync("[0-9a-f]*", { cwd: dist })) {
    if (name !== key) rmSync(join(dist, name), { recursive: true, force: true });
  }
  return load(folder);
}

/** Reads a build into memory. Only these files can be requested, whatever the path of a request. */
function load(folder: string): Build {
  try {
    const names = globSync("assets/*", { cwd: folder });
    const assets = new Map(names.map((name) => [name, read(join(folder, name))]));
    return { state: "ready", page: read(join(folder, "index.html")), assets };
  } catch (error) {
    return { state: "failed", reason: messageOf(error) };
  }
}

const PACKED_FROM = 1024; // bytes; less fits into one packet

function read(file: string): Asset {
  const body = readFileSync(file);
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  const plain = contentOf(body);
  return body.length < PACKED_FROM
    ? { type, plain }
    : { type, plain, gzip: contentOf(gzipSync(body)) };
}

function contentOf(body: Buffer): Content {
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { etag: `"${hash}"`, body };
}
