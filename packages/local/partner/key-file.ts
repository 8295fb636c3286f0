/**
 * The API keys of the laptop's Partner API, in a file of the data folder. A key is stored as its hash, so
 * that the file gives nobody a key. The file is replaced as a whole, so that no reader sees half of it,
 * and the running server reads it again soon after a change.
 */

import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isPlan, type Plan } from "@stockwire/functions/partner/plan";
import { isRecord } from "@stockwire/gateway/json";
import { type ApiKeySource, hashOf } from "@stockwire/gateway/rest/api-key";
import { codeOf, LocalError } from "../error.ts";
import { type FileLock, tryLock } from "../file-lock.ts";

/** An API key as it is stored. */
export interface StoredKey {
  id: string;
  name: string;
  plan: Plan;
  enabled: boolean;
  valueHash: string; // SHA-256 in hex
  createdAt: string; // ISO 8601, UTC
  /** From then on the key is refused. */
  expiresAt?: string; // ISO 8601, UTC
}

/** Whether a key has ended. One whose end is no time has. */
export const hasEnded = ({ expiresAt }: Pick<StoredKey, "expiresAt">, at = Date.now()): boolean =>
  expiresAt !== undefined && !(Date.parse(expiresAt) > at);

/** The files of the Partner API in a data folder: keys, and the requests that were counted. */
export const keyFileOf = (dataDir: string): string => join(dataDir, "partner-keys.json");
export const usageFileOf = (dataDir: string): string => join(dataDir, "partner-usage.jsonl");

/** All keys, the oldest first; undefined if there is no file. Throws `LocalError` if it is damaged. */
export function readKeys(file: string): StoredKey[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const keys: unknown = JSON.parse(text);
    if (Array.isArray(keys) && keys.every(isStoredKey)) return keys;
  } catch {
    // reported below
  }
  throw new LocalError(`${file} is damaged: delete it and create new API keys`);
}

const isStoredKey = (value: unknown): value is StoredKey =>
  isRecord(value) &&
  ["id", "name", "valueHash", "createdAt"].every((name) => typeof value[name] === "string") &&
  typeof value["plan"] === "string" &&
  isPlan(value["plan"]) &&
  typeof value["enabled"] === "boolean" &&
  ["string", "undefined"].includes(typeof value["expiresAt"]);

/** Creates a key. Its value is in no file: this is the only time that it is known. */
export async function createKey(
  file: string,
  { name, plan }: Pick<StoredKey, "name" | "plan">,
): Promise<{ key: StoredKey; value: string }> {
  const value = randomText(40);
  const key: StoredKey = {
    id: randomText(10).toLowerCase(),
    name,
    plan,
    enabled: true,
    valueHash: hashOf(value),
    createdAt: new Date().toISOString(),
  };
  await changeKeys(file, (keys) => [...keys, key]);
  return { key, value };
}

/** Changes a key and returns it. Throws `LocalError` if there is none with this id. */
export async function changeKey(
  file: string,
  id: string,
  change: (key: StoredKey) => StoredKey,
): Promise<StoredKey> {
  let changed: StoredKey | undefined;
  await changeKeys(file, (keys) =>
    keys.map((key) => {
      if (key.id !== id) return key;
      changed = change(key);
      return changed;
    }),
  );
  if (!changed) throw new LocalError(`There is no API key ${id}: npm run keys -- list`);
  return changed;
}

const LOOK_PAUSE = 100; // ms

/**
 * The keys for the gateway, read again when the file has changed. A new key counts from its first request
 * on; one that was disabled may be accepted for 100 ms more, since a look takes as long as the rest of the
 * key's step. A damaged file changes nothing.
 */
export function watchKeys(
  file: string,
  onError: (error: unknown) => void,
  clock: () => number = () => performance.now(), // ms
): ApiKeySource {
  let seen = "";
  let nextLook = 0;
  let keys: ReturnType<ApiKeySource> = [];
  return (fresh = false) => {
    const now = clock();
    if (now < nextLook && !fresh) return keys;
    nextLook = now + LOOK_PAUSE;
    const current = signatureOf(file);
    if (current === seen) return keys;
    seen = current;
    try {
      keys = (readKeys(file) ?? []).map(({ id, enabled, valueHash, plan, expiresAt }) => ({
        id,
        enabled,
        valueHash,
        plans: [plan],
        ...(expiresAt !== undefined && { expiresAt: Date.parse(expiresAt) }),
      }));
    } catch (error) {
      onError(error);
    }
    return keys;
  };
}

/** Differs for each version of a file: a replaced file is another inode. */
function signatureOf(file: string): string {
  const { ino, mtimeMs, size } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${ino} ${mtimeMs} ${size}`;
}

// SQLite would wait for the lock itself, but it would block the process. The wait ends after 10 s.
const LOCK_WAIT = 20; // ms
const LOCK_TRIES = 500; // changes take milliseconds

/** Replaces the keys. Two commands at the same time do not lose each other's change. */
async function changeKeys(
  file: string,
  change: (keys: readonly StoredKey[]) => StoredKey[],
): Promise<void> {
  const lock = await lockOf(`${file}.lock`);
  try {
    const keys = change(readKeys(file) ?? []);
    writeFileSync(`${file}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } finally {
    lock.release();
  }
}

async function lockOf(path: string): Promise<FileLock> {
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    const lock = tryLock(path);
    if (lock) return lock;
    await sleep(LOCK_WAIT);
  }
  throw new LocalError(`${path} is held by another command that does not end`);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Random letters and digits. Bytes that would make some of them more likely are left out. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < 4 * ALPHABET.length && text.length < length)
        text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return text;
}
