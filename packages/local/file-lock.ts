/**
 * Locks a file against other processes with SQLite's own lock. The kernel releases it however its
 * process ends: there is no stale lock to recover, and no race between processes that recover one.
 */

import { DatabaseSync } from "node:sqlite";

/** A lock that is held until `release`. */
export interface FileLock {
  release(): void;
}

const SQLITE_BUSY = 5; // https://www.sqlite.org/rescode.html#busy

// References that keep the handles from garbage collection, which would close them and unlock.
const held = new Set<DatabaseSync>();

/**
 * Creates the file if it does not exist, and locks it. Undefined if it is locked. Throws SQLite's error
 * if the file cannot be written. The file stays, and stays empty.
 */
export function tryLock(file: string): FileLock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // Nothing is ever written, so a journal in memory is enough.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    const code = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
    if ((code & 0xff) === SQLITE_BUSY) return undefined;
    throw error;
  }
  const handle = database;
  held.add(handle);
  return {
    release() {
      if (held.delete(handle)) handle.close();
    },
  };
}
