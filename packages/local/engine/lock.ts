/**
 * Locks a data folder against other processes. The lock is SQLite's own lock on an empty file, so the
 * kernel releases it however its process ends: there is no stale lock to recover, and no race between
 * processes that recover one. `lock.pid` serves the error message only.
 */

import { access, constants, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError, messageOf } from "../error.ts";
import { createFolder } from "../folder.ts";
import { readPidFile, writePidFile } from "./pid-file.ts";

/** Exclusive use of a data folder until `release`. */
export interface Lock {
  release(): Promise<void>;
}

const SQLITE_BUSY = 5; // https://www.sqlite.org/rescode.html#busy
const PATIENCE = 1000; // ms to wait for a lock whose owner is unknown

// References that keep the handles from garbage collection, which would close them and unlock.
const held = new Set<DatabaseSync>();

/**
 * Creates the folder if it does not exist, and locks it. Throws LocalError if it cannot be written,
 * or if another process has locked it.
 */
export async function lockFolder(folder: string): Promise<Lock> {
  await create(folder);
  const ownerFile = join(folder, "lock.pid");
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const database = tryLock(folder);
    if (database) {
      held.add(database);
      const release = async () => {
        if (!held.delete(database)) return;
        await rm(ownerFile, { force: true });
        database.close();
      };
      try {
        await writePidFile(ownerFile, process.pid);
      } catch (cause) {
        await release();
        throw unwritable(folder, cause);
      }
      return { release };
    }
    const pid = await readPidFile(ownerFile);
    if (pid !== undefined || Date.now() > deadline) {
      const owner = pid === undefined ? "another process" : `process ${pid}`;
      throw new LocalError(`${owner} is using the data folder ${folder}: end it, or use another`);
    }
    await sleep(10 + Math.random() * 20); // two processes that try at the same time can both fail
  }
}

async function create(folder: string): Promise<void> {
  try {
    await createFolder(folder);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

function tryLock(folder: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
    // Nothing is ever written, so a journal in memory is enough.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    database?.close();
    const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) : 0;
    if ((code & 0xff) === SQLITE_BUSY) return undefined;
    throw unwritable(folder, cause);
  }
}

function unwritable(folder: string, cause: unknown): LocalError {
  const message = `the data folder ${folder} cannot be written (${messageOf(cause)}): use another`;
  return new LocalError(message, { cause });
}
