/** Lets one import of a file run at a time: two would write over each other's state and report. */

import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { LocalError } from "../error.ts";
import { type FileLock, tryLock } from "../file-lock.ts";
import { createFolder } from "../folder.ts";
import { ROOT } from "../server-registry.ts";

/**
 * Locks a file for the imports of this checkout, by whichever path it is named. Throws LocalError if
 * another import has it, and Node's error if there is no such file.
 */
export async function lockImport(file: string): Promise<FileLock> {
  const name = createHash("sha256")
    .update(await realpath(file))
    .digest("hex");
  const folder = join(ROOT, ".stockwire", "imports");
  await createFolder(folder);
  const lock = tryLock(join(folder, `${name}.lock`));
  if (lock) return lock;
  throw new LocalError(`${file} is being imported by another process`);
}
