/** Creates folders. Unlike Node's `mkdir` with `recursive`, it ends in every file system. */

import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { codeOf } from "./error.ts";

/**
 * Creates a folder and its parents; existing ones stay as they are. Rejects with Node's error. Node's
 * own recursion never ends below /proc, where creating a folder fails with ENOENT in a folder that
 * exists.
 */
export async function createFolder(folder: string): Promise<void> {
  const path = resolve(folder);
  const parent = dirname(path);
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    if (codeOf(error) !== "ENOENT" || parent === path) throw error;
    await createFolder(parent);
    await mkdir(path).catch((again: unknown) => {
      if (codeOf(again) !== "EEXIST") throw again; // another process may have created it
    });
  }
}
