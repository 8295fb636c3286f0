/**
 * The registry of running servers: a file `.stockwire/servers/<port>.json` for each, by which commands
 * such as `npm run token` find a server, its data and its issuer. An entry whose process has ended is
 * ignored and removed.
 */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "@stockwire/gateway/json";
import { codeOf, LocalError } from "./error.ts";
import type { PublicClient } from "./issuer/client.ts";
import { type Issuer, openIssuer } from "./issuer/issuer.ts";

/** A server that runs on this machine from this checkout. */
export interface Server {
  port: number;
  dataDir: string;
  /** The URL of the server, which is also the name of its issuer. */
  issuer: string;
  endpoint?: string | undefined; // of its DynamoDB engine; undefined for Amazon's DynamoDB
  table: string; // the name of its table Data
}

/** The audience of Stockwire's tokens. */
export const AUDIENCE = "stockwire";

/** The checkout: the folder of the registry and, by default, of the servers' data. */
export const ROOT = join(import.meta.dirname, "../..");

/** Registers a server of this process. */
export function register({ port, ...server }: Server, root = ROOT): void {
  const file = fileOf(port, root);
  mkdirSync(join(file, ".."), { recursive: true });
  const draft = `${file}.${process.pid}`; // renamed when complete, so that no reader sees half a file
  writeFileSync(draft, JSON.stringify({ pid: process.pid, ...server }));
  renameSync(draft, file);
}

/** Removes the entry of a server of this process. An entry of another process stays. */
export function unregister(port: number, root = ROOT): void {
  if (read(port, root)?.pid === process.pid) rmSync(fileOf(port, root), { force: true });
}

/** The server that listens on this port; undefined if none does. */
export function find(port: number, root = ROOT): Server | undefined {
  const found = read(port, root);
  if (!found) return undefined;
  const { pid, ...server } = found;
  if (isRunning(pid)) return { port, ...server };
  rmSync(fileOf(port, root), { force: true });
  return undefined;
}

/**
 * Reads an option that names a port. Default: `PORT`, or 3000. Throws `LocalError` unless it is `least` to
 * 65535; port 0, which picks a free one, is for servers only.
 */
export function readPort(
  given: string | undefined,
  { option = "--port", least = 1 }: { option?: string; least?: 0 | 1 } = {},
): number {
  const text = given ?? (process.env["PORT"] || "3000");
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= least && port <= 65_535) return port;
  throw new LocalError(`${option} must be ${least} to 65535`);
}

/**
 * The server of this checkout on the port that `--port` names. Throws `LocalError` if none runs; the
 * message ends with `remedy`.
 */
export function findRunning(given: string | undefined, remedy = "npm run dev"): Server {
  const port = readPort(given);
  const server = find(port);
  if (server) return server;
  throw new LocalError(`No server of this folder runs on port ${port}: ${remedy}`);
}

/**
 * Opens the issuer of a server. All processes that open it with the same folder share its key, so a
 * command can sign tokens that the server accepts. Only the server gets `signIn`: one process writes
 * the grants.
 */
export function openIssuerOf(
  { dataDir, issuer }: Pick<Server, "dataDir" | "issuer">,
  scopes: readonly string[] = [],
  signIn?: PublicClient,
): Promise<Issuer> {
  const clientId = "stockwire-laptop";
  const options = { dir: dataDir, issuer, audience: AUDIENCE, clientId, scopes };
  return openIssuer({ ...options, ...(signIn && { signIn }) });
}

function fileOf(port: number, root: string): string {
  return join(root, ".stockwire", "servers", `${port}.json`);
}

function read(port: number, root: string) {
  try {
    const value: unknown = JSON.parse(readFileSync(fileOf(port, root), "utf8"));
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

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM"; // it runs, as another user
  }
}
