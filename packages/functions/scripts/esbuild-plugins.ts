import type { Plugin } from "esbuild";
import { join } from "node:path";

/** Plugins for each bundle that is deployed: `npm run build` and SST take them from here. */

const instead = join(import.meta.dirname, "../src/credentials.ts");

/** In Lambda, credentials come from the environment alone: the rest of the SDK's chain stays out. */
const credentials: Plugin = {
  name: "credentials",
  setup(build) {
    // SST 4.17.1 holds the filter against no path at all, and capitalises what it hands over.
    build.onResolve({ filter: /(?:)/ }, (args: { path: string; Path?: string }) =>
      (args.Path ?? args.path) === "@aws-sdk/credential-provider-node"
        ? { path: instead }
        : undefined,
    );
  },
};

export default [credentials];
