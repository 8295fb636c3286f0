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
import { ROOT } from "../servers.ts";

/** A file of the console, ready to be sent. */
export interface Asset {
  type: string;
  etag: string;
  body: Buffer;
}

export type Build =
  | { state: "ready"; page: Asset; assets: ReadonlyMap<string, Asset> }
  | { state: "building" }
  | { state: "failed"; reason: string };

export interface Builder {
  /** The console of the sources as they are now; starts to build what has changed. */
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

/** Builds with Vite, in a process of its own, into `dist/<hash of the sources>`. */
export function createBuilder(): Builder {
  let known: { key: string; build: Build } | undefined;
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
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const settle = (build: Build) => {
      if (running !== child) return;
      running = undefined;
      known = { key, build };
    };
    child.on("error", (error) => settle({ state: "failed", reason: error.message }));
    child.on("close", (code) => {
      if (code !== 0 || running !== child) {
        rmSync(draft, { recursive: true, force: true });
        settle({ state: "failed", reason: said.trim() || `Vite ended with ${code}` });
      } else settle(keep(draft, key));
    });
    return { state: "building" };
  };

  return {
    current() {
      const key = hashOf(SOURCES);
      if (known?.key !== key) {
        const folder = join(CONSOLE, "dist", key);
        known = { key, build: existsSync(folder) ? load(folder) : start(key) };
      }
      return known.build;
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

const ABANDONED = 10 * 60_000; // ms

/** Puts a build in its place; another process may have done so first. Earlier ones go. */
function keep(draft: string, key: string): Build {
  const dist = join(CONSOLE, "dist");
  const folder = join(dist, key);
  for (const name of globSync(".draft-*", { cwd: dist })) {
    const other = join(dist, name);
    const isOld = Date.now() - statSync(other).mtimeMs > ABANDONED;
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

/** Reads all that Vite wrote: nothing else can be asked for. */
function load(folder: string): Build {
  try {
    const names = globSync("assets/*", { cwd: folder });
    const assets = new Map(names.map((name) => [name, read(join(folder, name))]));
    return { state: "ready", page: read(join(folder, "index.html")), assets };
  } catch (error) {
    return { state: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

function read(file: string): Asset {
  const body = readFileSync(file);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type: TYPES[extname(file)] ?? "application/octet-stream", etag, body };
}
