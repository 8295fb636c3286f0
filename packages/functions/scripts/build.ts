import { build } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openapi } from "./openapi-document.ts";

/** `npm run build`: writes what is deployed to dist/, bundled as SST bundles it. */

const root = join(import.meta.dirname, "../../..");
const dist = join(root, "dist");

/** Each Lambda by name, with the file that exports its `handler`. */
const functions = {
  http: "packages/functions/src/http.ts",
  sweep: "packages/functions/src/sweep.ts",
};

/** https://github.com/sst/sst/blob/dev/pkg/runtime/node/build.go */
const banner = [
  `import { createRequire as topLevelCreateRequire } from 'module';`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
  `const __filename = topLevelFileUrlToPath(import.meta.url)`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
].join("\n");

/** Lambda's environment is the only place where credentials come from there. */
const lambdaAlias = {
  "@aws-sdk/credential-provider-node": join(root, "packages/functions/src/credentials.ts"),
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await writeFile(join(dist, "openapi.json"), `${JSON.stringify(openapi())}\n`);

for (const [name, entry] of Object.entries(functions)) {
  const outfile = join(dist, "lambda", name, "index.mjs");
  const { metafile } = await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "esnext",
    mainFields: ["module", "main"],
    keepNames: true,
    minify: true,
    sourcemap: "external",
    metafile: true,
    banner: { js: banner },
    absWorkingDir: root,
    alias: lambdaAlias,
  });
  await writeFile(join(dist, "lambda", name, "meta.json"), JSON.stringify(metafile));
  const bytes = Object.entries(metafile.outputs).find(([file]) => file.endsWith(".mjs"))?.[1].bytes;
  console.log(`dist/lambda/${name}/index.mjs ${((bytes ?? 0) / 1000).toFixed(1)} kB`);
}
