import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Removes the sources from the source maps in a folder. Positions stay, and a stack trace needs no
 * more. It halves the package that Lambda downloads at a cold start; SST has no option for it.
 */
export async function removeSources(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".map")) continue;
    const file = join(folder, name);
    const { sourcesContent: _, ...map } = JSON.parse(await readFile(file, "utf8")) as {
      sourcesContent?: string[];
    };
    await writeFile(file, JSON.stringify(map));
  }
}
