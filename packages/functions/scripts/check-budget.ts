/** Part of `npm run check`: bundles each function, and fails if one is larger than its budget. */

import { build } from "esbuild";
import { join } from "node:path";
import { budgetOf } from "./budget.ts";
import { functionOptions, root } from "./bundle.ts";
import { functions } from "./entry.ts";

async function kilobytesOf(entry: string): Promise<number> {
  const { outputFiles } = await build({
    ...functionOptions,
    entryPoints: [join(root, entry)],
    outfile: "index.mjs",
    write: false,
  });
  const bundle = outputFiles.find(({ path }) => path.endsWith(".mjs"));
  return (bundle?.contents.length ?? Number.NaN) / 1000;
}

for (const [name, entry] of Object.entries(functions)) {
  const [size, budget] = [await kilobytesOf(entry), budgetOf(name)];
  if (size < budget) continue;
  console.error(`the bundle of ${name} has ${size.toFixed(1)} kB, its budget is ${budget} kB`);
  process.exitCode = 1;
}
