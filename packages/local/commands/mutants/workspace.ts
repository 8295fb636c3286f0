/**
 * A copy of the work tree, in which defects are planted: the user's files are never changed. The
 * packages of the copy import each other and not those of the original.
 */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Defect } from "./defect.ts";

export interface Workspace {
  readonly root: string;
  /** For temporary files of tests: a test that is killed leaves some. */
  readonly temporary: string;
  /** Plants a defect; returns the function that takes it out again. */
  plant(defect: Defect): () => void;
  remove(): Promise<void>;
}

const WORKSPACE_PACKAGES = "@stockwire";
/** SST's components, which are generated in a minute: a copy saves that. */
const PLATFORM = ".sst/platform";

/**
 * Copies the files that git knows or would add, also those that are not committed. `withPlatform`
 * copies what the tests of infra need as well, 320 MB.
 */
export async function createWorkspace(original: string, withPlatform: boolean): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-mutants-"));
  const [root, temporary] = [join(folder, "source"), join(folder, "tmp")];
  await mkdir(temporary);
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { cwd: original, maxBuffer: 1 << 26 }).toString();
  for (const file of files.split("\0")) {
    if (file === "" || !existsSync(join(original, file))) continue; // deleted, but not committed
    await mkdir(dirname(join(root, file)), { recursive: true });
    await copyFile(join(original, file), join(root, file));
  }
  await linkModules(join(original, "node_modules"), join(root, "node_modules"));
  for (const name of await readdir(join(root, "packages"))) {
    const own = join("packages", name, "node_modules"); // versions that differ from the root's
    if (existsSync(join(original, own))) await linkModules(join(original, own), join(root, own));
  }
  if (withPlatform && existsSync(join(original, PLATFORM))) {
    // Not a link: SST would find the original's files beside it.
    cpSync(join(original, PLATFORM), join(root, PLATFORM), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  return {
    root,
    temporary,
    plant({ file, text, replacement }) {
      const path = join(root, file);
      const source = readFileSync(path, "utf8");
      // A function, since `$` has a meaning in a replacement text.
      writeFileSync(
        path,
        source.replace(text, () => replacement),
      );
      return () => writeFileSync(path, source);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Links all packages but those of this repository: their links are relative, and lead to the copy. The
 * caches of Vite stay with the original.
 */
async function linkModules(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = await readdir(from);
  for (const name of names) {
    const isCache = name.startsWith(".vite");
    if (name !== WORKSPACE_PACKAGES && !isCache) await symlink(join(from, name), join(to, name));
  }
  if (!names.includes(WORKSPACE_PACKAGES)) return;
  await mkdir(join(to, WORKSPACE_PACKAGES));
  for (const name of await readdir(join(from, WORKSPACE_PACKAGES))) {
    const target = `../../packages/${name}`;
    await symlink(target, join(to, WORKSPACE_PACKAGES, name));
  }
}
