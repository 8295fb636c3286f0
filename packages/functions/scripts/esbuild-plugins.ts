/**
 * The plugins for each bundle that is deployed; `npm run build` and SST read them from here.
 *
 * SST 4.17.1 hands the arguments of a plugin over with capitalised names and matches each filter
 * against no path. So every plugin takes all files and compares the path itself.
 */

import type { Plugin } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const ANY = /(?:)/;

interface Args {
  path: string;
  Path?: string;
}
const pathOf = ({ path, Path }: Args) => Path ?? path;

const src = join(import.meta.dirname, "../src");

/** Leaves the SDK's credential chain out: in Lambda, credentials come from the environment only. */
const credentials: Plugin = {
  name: "credentials",
  setup(build) {
    build.onResolve({ filter: ANY }, (args: Args) =>
      pathOf(args) === "@aws-sdk/credential-provider-node"
        ? { path: join(src, "credentials.ts") }
        : undefined,
    );
  },
};

const DOCUMENTS: ReadonlySet<string> = new Set([
  join(src, "api/docs/openapi.json"),
  join(src, "api/docs/asyncapi.json"),
  join(src, "api/docs/reference.json"),
]);

/** Packs the documents that the API serves: packed they add 30 kB to a bundle, as JSON 180 kB. */
const documents: Plugin = {
  name: "documents",
  setup(build) {
    build.onLoad({ filter: ANY }, (args: Args) => {
      const path = pathOf(args);
      if (!DOCUMENTS.has(path)) return undefined;
      const minified = JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
      const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS };
      const packed = brotliCompressSync(minified, { params }).toString("base64");
      return {
        contents: `const { brotliDecompressSync } = process.getBuiltinModule("node:zlib");
export default JSON.parse(brotliDecompressSync(Buffer.from("${packed}", "base64")).toString());`,
        loader: "js",
      };
    });
  },
};

export default [credentials, documents];
