/** The Worker as one file, for `npm run build` and the tests. */

import { build } from "esbuild";
import { join } from "node:path";
import { root } from "./bundle.ts";

/** Bundles packages/functions/src/hosts/worker.ts. Node's modules stay imports: workerd has them. */
export const buildWorker = (outfile: string) =>
  build({
    entryPoints: [join(root, "packages/functions/src/hosts/worker.ts")],
    outfile,
    bundle: true,
    format: "esm",
    target: "esnext",
    platform: "node",
    mainFields: ["module", "main"],
    minify: true,
    define: { "process.env.DYNAMODB_CLIENT": '"small"' },
    absWorkingDir: root,
    metafile: true,
  });
