/** How a function is bundled: the same options for `npm run build`, the tests and the benchmark. */

import type { BuildOptions } from "esbuild";
import { join } from "node:path";
import { esbuildOptions } from "./esbuild-options.ts";
import plugins from "./esbuild-plugins.ts";

export const root = join(import.meta.dirname, "../../..");

/**
 * SST's own options: one minified ESM file with a source map beside it.
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

/** The options of a deployed function. */
export const functionOptions = {
  ...bundleOptions,
  ...esbuildOptions,
  plugins,
  sourcemap: "linked",
  // A stack trace needs positions only, and sources would double the size of the package.
  sourcesContent: false,
} satisfies BuildOptions;
