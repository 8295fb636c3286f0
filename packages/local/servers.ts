import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "@stockwire/gateway/json";

/** A server of this checkout that runs on this machine. */
export interface Server {
  port: number;
  dataDir: string;
  issuer: string;
  endpoint?: string | undefined; // of its DynamoDB; undefined: the real one
  table: string; // Data, by the name that it has there
}

/** The checkout, where running servers and, unless told otherwise, their data are to be found. */
export const ROOT = join(import.meta.dirname, "../..");

/** Tells other commands, such as `npm run token`, of this process's server. */
export function register({ port, ...server }: Server, root = ROOT): void {
  const file = entry(port, root);
  mkdirSync(join(file, ".."), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, ...server }));
  renameSync(draft, file);
}

/** Takes this process's server off the list; another's on the same port stays. */
export function unregister(port: number, root = ROOT): void {
  if (read(port, root)?.pid === process.pid) rmSync(entry(port, root), { force: true });
}

/** The server that runs on this port; one whose process has died is forgotten. */
export function find(port: number, root = ROOT): Server | undefined {
  const found = read(port, root);
  if (!found) return undefined;
  const { pid, ...server } = found;
  if (isAlive(pid)) return { port, ...server };
  rmSync(entry(port, root), { force: true });
  return undefined;
}

function entry(port: number, root: string): string {
  return join(root, ".stockwire", "servers", `${port}.json`);
}

function read(port: number, root: string) {
  try {
    const value: unknown = JSON.parse(readFileSync(entry(port, root), "utf8"));
    if (!isRecord(value)) return undefined;
    const { pid, dataDir, issuer, endpoint, table } = value;
    if (typeof pid !== "number" || typeof dataDir !== "string" || typeof issuer !== "string")
      return undefined;
    if (typeof table !== "string" || (endpoint !== undefined && typeof endpoint !== "string"))
      return undefined;
    return { pid, dataDir, issuer, endpoint, table };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, but is somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
