import type { BuildOptions } from "esbuild";
import { join } from "node:path";
import plugins from "./esbuild-plugins.ts";

export const root = join(import.meta.dirname, "../../..");

/**
 * The options with which SST bundles a function: one minified ESM file.
 * https://github.com/sst/sst/blob/dev/pkg/runtime/node/build.go
 */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "esnext",
  mainFields: ["module", "main"],
  keepNames: true,
  minify: true,
  banner: {
    js: [
      `import { createRequire as topLevelCreateRequire } from 'module';`,
      `const require = topLevelCreateRequire(import.meta.url);`,
      `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
      `const __filename = topLevelFileUrlToPath(import.meta.url)`,
      `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
    ].join("\n"),
  },
  absWorkingDir: root,
} satisfies BuildOptions;

/** Those of a function that is deployed. */
export const functionOptions = { ...bundleOptions, plugins } satisfies BuildOptions;
