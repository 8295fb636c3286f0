import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { bundleOptions, root } from "../../functions/scripts/bundle.ts";

/** Paths of the bundles, all in the folder of the run. */
export interface Bundles {
  stockwire: string;
  plain: string;
  /** A program that loads one of the two and invokes it once. */
  coldProcess: string;
  /** Every Lambda function by name; `stockwire` is `http`. */
  deployed: Record<string, string>;
}

/** Runs `npm run build`, and builds the plain handler with the same options but no plugins. */
export async function bundle(dir: string): Promise<Bundles> {
  execFileSync(process.execPath, [join(root, "packages/functions/scripts/build.ts")]);
  const deployed: Record<string, string> = {};
  for (const name of await readdir(join(root, "dist/lambda"))) {
    // A copy, because another build may start before this run ends.
    const copy = join(dir, `${name}.mjs`);
    await copyFile(join(root, "dist/lambda", name, "index.mjs"), copy);
    deployed[name] = copy;
  }
  const plain = join(dir, "plain-handler.mjs");
  const coldProcess = join(dir, "cold-process.mjs");
  await bundleOne("framework/plain-handler.ts", plain);
  await bundleOne("cold-process.ts", coldProcess);
  return { stockwire: deployed["http"] ?? "", plain, coldProcess, deployed };
}

const FRAMEWORKS = ["express", "fastify", "hono", "middy", "powertools"] as const;

/** Builds the same work in several frameworks, with the options of the plain handler. */
export async function bundleFrameworks(dir: string): Promise<Record<string, string>> {
  const built: Record<string, string> = {};
  for (const name of FRAMEWORKS) {
    built[name] = join(dir, `${name}-handler.mjs`);
    await bundleOne(`framework/${name}-handler.ts`, built[name]);
  }
  return built;
}

async function bundleOne(entry: string, outfile: string): Promise<void> {
  await build({ ...bundleOptions, entryPoints: [join(import.meta.dirname, entry)], outfile });
}
