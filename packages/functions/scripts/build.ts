import { build } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asyncapi } from "./asyncapi-document.ts";
import { functionOptions, root } from "./bundle.ts";
import { functions } from "./entry.ts";
import { openapi } from "./openapi-document.ts";

/** `npm run build`: writes what is deployed to dist/. */

const dist = join(root, "dist");

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeFile(join(dist, "openapi.json"), `${JSON.stringify(openapi())}\n`);
await writeFile(join(dist, "asyncapi.json"), `${JSON.stringify(asyncapi())}\n`);

for (const [name, entry] of Object.entries(functions)) {
  const outfile = join(dist, "lambda", name, "index.mjs");
  const { metafile } = await build({
    ...functionOptions,
    entryPoints: [join(root, entry)],
    outfile,
    sourcemap: "external",
    metafile: true,
  });
  const bytes = Object.entries(metafile.outputs).find(([file]) => file.endsWith(".mjs"))?.[1].bytes;
  console.log(`dist/lambda/${name}/index.mjs ${((bytes ?? 0) / 1000).toFixed(1)} kB`);
}
