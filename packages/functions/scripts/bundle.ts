import type { BuildOptions } from "esbuild";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../../..");

/** Each Lambda by name, with the file that exports its `handler`. */
export const functions = {
  http: "packages/functions/src/http.ts",
  authorizer: "packages/functions/src/authorizer.ts",
  live: "packages/functions/src/live.ts",
  changes: "packages/functions/src/changes.ts",
  deliver: "packages/functions/src/deliver.ts",
  sweep: "packages/functions/src/sweep.ts",
};

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

/** Lambda's environment is the only place where credentials come from there. */
export const lambdaAlias = {
  "@aws-sdk/credential-provider-node": join(root, "packages/functions/src/credentials.ts"),
};
