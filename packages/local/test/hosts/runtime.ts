/** The runtimes that `npm run test:hosts` starts, fetched once from npm's registry. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { globSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../server-registry.ts";

const LIST = join(import.meta.dirname, "runtimes");

export interface Runtimes {
  bun: string;
  deno: string;
  workerd: string;
}

/**
 * Returns the paths of the programs, in the versions and with the checksums of the lock file. They are
 * kept in node_modules/.cache. Throws if they can be neither found nor fetched.
 */
export async function fetchRuntimes(): Promise<Runtimes> {
  const lock = await readFile(join(LIST, "package-lock.json"));
  const version = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const folder = join(ROOT, "node_modules/.cache/stockwire-runtimes", version);
  const find = (pattern: string) => globSync(join(folder, "node_modules", pattern))[0];
  if (find("@cloudflare/*/bin/workerd") === undefined) {
    const draft = `${folder}.${process.pid}`; // renamed when complete
    await mkdir(draft, { recursive: true });
    await cp(LIST, draft, { recursive: true });
    // The programs are in the packages of this platform; the scripts would only move them.
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit"], { cwd: draft });
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  }
  const program = (pattern: string) => {
    const found = find(pattern);
    if (found === undefined) throw new Error(`there is no ${pattern} for this platform`);
    return found;
  };
  return {
    bun: program("@oven/*/bin/bun"),
    deno: program("@deno/*/deno"),
    workerd: program("@cloudflare/*/bin/workerd"),
  };
}
