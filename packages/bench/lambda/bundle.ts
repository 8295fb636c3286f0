import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { bundleOptions, root } from "../../functions/scripts/bundle.ts";

/** Files to run, in the folder of the run. */
export interface Bundles {
  ours: string;
  plain: string;
  /** Runs one of the two in a fresh process. */
  coldProcess: string;
  /** Every Lambda by name; `ours` is the one called http. */
  deployed: Record<string, string>;
}

/** Builds what is deployed, and the plain handler with the same options but without our alias. */
export async function bundle(dir: string): Promise<Bundles> {
  execFileSync(process.execPath, [join(root, "packages/functions/scripts/build.ts")]);
  const deployed: Record<string, string> = {};
  for (const name of await readdir(join(root, "dist/lambda"))) {
    // A copy: another build may begin while this run goes on.
    const copy = join(dir, `${name}.mjs`);
    await copyFile(join(root, "dist/lambda", name, "index.mjs"), copy);
    deployed[name] = copy;
  }
  const plain = join(dir, "plain-handler.mjs");
  const coldProcess = join(dir, "cold-process.mjs");
  await bundleOne("plain-handler.ts", plain);
  await bundleOne("cold-process.ts", coldProcess);
  return { ours: deployed["http"] ?? "", plain, coldProcess, deployed };
}

async function bundleOne(entry: string, outfile: string): Promise<void> {
  await build({ ...bundleOptions, entryPoints: [join(import.meta.dirname, entry)], outfile });
}
