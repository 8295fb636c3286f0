/** `npm run build`: writes to dist/ what is deployed, the way SST builds it. */

import { build, type Metafile } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asyncapi } from "./asyncapi-document.ts";
import { functionOptions, root } from "./bundle.ts";
import { functions } from "./entry.ts";
import { openapi } from "./openapi-document.ts";
import { buildWorker } from "./worker.ts";

const HELP = `Usage: npm run build

Writes dist/lambda/<name>/index.mjs, a Lambda bundle with its source map, for each
handler; dist/worker/index.mjs, the HTTP API for workerd (docs/hosts.md); and the API's
descriptions dist/openapi.json and dist/asyncapi.json.`;

const dist = join(root, "dist");

async function buildAll(): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await writeFile(join(dist, "openapi.json"), `${JSON.stringify(openapi())}\n`);
  await writeFile(join(dist, "asyncapi.json"), `${JSON.stringify(asyncapi())}\n`);
  for (const [name, entry] of Object.entries(functions)) {
    const { metafile } = await build({
      ...functionOptions,
      entryPoints: [join(root, entry)],
      outfile: join(dist, "lambda", name, "index.mjs"),
      metafile: true,
    });
    printSizes(metafile);
  }
  printSizes((await buildWorker(join(dist, "worker/index.mjs"))).metafile);
}

function printSizes({ outputs }: Metafile): void {
  for (const [file, { bytes }] of Object.entries(outputs)) {
    if (file.endsWith(".mjs")) console.log(`${file} ${(bytes / 1000).toFixed(1)} kB`);
  }
}

/** Throws on an unknown option. */
function wantsHelp(): boolean {
  return parseArgs({ options: { help: { type: "boolean", default: false } } }).values.help;
}

try {
  if (wantsHelp()) console.log(HELP);
  else await buildAll();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
