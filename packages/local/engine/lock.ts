/** Locks a data folder against other processes. `lock.pid` serves the error message only. */

import { access, constants, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError, messageOf } from "../error.ts";
import { type FileLock, tryLock } from "../file-lock.ts";
import { createFolder } from "../folder.ts";
import { readPidFile, writePidFile } from "./pid-file.ts";

/** Exclusive use of a data folder until `release`. */
export interface Lock {
  release(): Promise<void>;
}

const PATIENCE = 1000; // ms to wait for a lock whose owner is unknown

/**
 * Creates the folder if it does not exist, and locks it. Throws LocalError if it cannot be written,
 * or if another process has locked it.
 */
export async function lockFolder(folder: string): Promise<Lock> {
  await create(folder);
  const ownerFile = join(folder, "lock.pid");
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const lock = lockFile(folder);
    if (lock) {
      let isHeld = true;
      const release = async () => {
        if (!isHeld) return;
        isHeld = false;
        await rm(ownerFile, { force: true });
        lock.release();
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

function lockFile(folder: string): FileLock | undefined {
  try {
    return tryLock(join(folder, "lock"));
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

function unwritable(folder: string, cause: unknown): LocalError {
  const message = `the data folder ${folder} cannot be written (${messageOf(cause)}): use another`;
  return new LocalError(message, { cause });
}
