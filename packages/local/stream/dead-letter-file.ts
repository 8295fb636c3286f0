import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** A destination for what a function could not handle: one line of JSON each, in a file. */
export function deadLetterFile(file: string): (letter: object) => Promise<void> {
  return async (letter) => {
    await mkdir(dirname(file), { recursive: true });
    await appendFile(file, `${JSON.stringify(letter)}\n`);
  };
}
