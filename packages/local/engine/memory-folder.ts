import { accessSync, constants, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm"; // Linux's file system in memory
const NEEDED = 2e9; // bytes; a container may have 64 MB

/**
 * The folder for temporary files of an engine that is measured or tested, which waits for the disk at
 * each write: in memory if there is room, else that of the operating system.
 */
export function memoryFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize > NEEDED ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
