import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files to run, in the folder of the run. */
export interface Bundles {
  ours: string;
  plain: string;
  /** Runs one of the two in a fresh process. */
  coldProcess: string;
  /** Every Lambda by name; `ours` is the one called http. */
  deployed: Record<string, string>;
}

const ROOT = join(import.meta.dirname, "../../..");

/** The banner that SST gives to what it deploys, as in scripts/build.ts. */
const banner = [
  `import { createRequire as topLevelCreateRequire } from 'module';`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
  `const __filename = topLevelFileUrlToPath(import.meta.url)`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
].join("\n");

/** Builds what is deployed, and the plain handler with the same options but without our alias. */
export async function bundle(dir: string): Promise<Bundles> {
  execFileSync(process.execPath, [join(ROOT, "packages/functions/scripts/build.ts")]);
  const deployed: Record<string, string> = {};
  for (const name of await readdir(join(ROOT, "dist/lambda"))) {
    // A copy: another build may begin while this run goes on.
    const copy = join(dir, `${name}.mjs`);
    await copyFile(join(ROOT, "dist/lambda", name, "index.mjs"), copy);
    deployed[name] = copy;
  }
  const plain = join(dir, "plain-handler.mjs");
  const coldProcess = join(dir, "cold-process.mjs");
  await bundleOne("plain-handler.ts", plain);
  await bundleOne("cold-process.ts", coldProcess);
  return { ours: deployed["http"] ?? "", plain, coldProcess, deployed };
}

async function bundleOne(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "esnext",
    mainFields: ["module", "main"],
    keepNames: true,
    minify: true,
    banner: { js: banner },
    absWorkingDir: ROOT,
  });
}
