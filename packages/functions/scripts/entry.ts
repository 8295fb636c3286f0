import { readdirSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "packages/functions/src/handlers";

/**
 * The Lambda functions: name and source file, relative to the repository. Each file in
 * src/handlers exports `handler`, and its name is the name of the function.
 */
export const functions: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(join(import.meta.dirname, "../src/handlers")).map((file) => [
    file.replace(/\.ts$/, ""),
    `${FOLDER}/${file}`,
  ]),
);
