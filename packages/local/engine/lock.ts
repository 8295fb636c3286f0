import { access, constants, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError } from "../error.ts";
import { livingProcess, recordProcess } from "./process.ts";

/** A data folder that this process alone may use until `release`. */
export interface Lock {
  release(): Promise<void>;
}

const SQLITE_BUSY = 5;
const PATIENCE = 1000; // ms

// A handle that is collected closes, and its lock with it.
const held = new Set<DatabaseSync>();

/**
 * Creates the folder if need be and locks it; throws LocalError if it cannot be written, or if
 * another process has it.
 *
 * The lock is SQLite's own on an empty file, so the kernel lets go of it however its process
 * ends: there is no stale lock to recover, and no race in recovering one. `lock.pid` only tells
 * the others whom to blame.
 */
export async function lockFolder(folder: string): Promise<Lock> {
  await create(folder);
  const owner = join(folder, "lock.pid");
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const database = tryLock(folder);
    if (database) {
      held.add(database);
      const release = async () => {
        if (!held.delete(database)) return;
        await rm(owner, { force: true });
        database.close();
      };
      try {
        await recordProcess(owner, process.pid);
      } catch (cause) {
        await release();
        throw unwritable(folder, cause);
      }
      return { release };
    }
    const pid = await livingProcess(owner);
    if (pid !== undefined || Date.now() > deadline) {
      const who = pid === undefined ? "another process" : `process ${pid}`;
      throw new LocalError(`${who} is using the data folder ${folder}: end it, or use another`);
    }
    await sleep(10 + Math.random() * 20); // two who try at once can refuse each other
  }
}

async function create(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

function tryLock(folder: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
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
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LocalError(`the data folder ${folder} cannot be written (${why}): use another`, {
    cause,
  });
}
