import { accessSync, constants, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm"; // Linux's file system in memory
const NEEDED = 2e9; // bytes; a container may have 64 MB

/**
 * The folder for temporary files, in memory if there is room: an engine waits for the disk at each write.
 * Else that of the operating system.
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
