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

const docs = join(src, "api/docs");
const read = (name: string): unknown => JSON.parse(readFileSync(join(docs, name), "utf8"));

/** The modules with documents that the API serves, and what they export. */
const DOCUMENTS: ReadonlyMap<string, () => unknown> = new Map([
  // Both have the same schemas, so packed together they are a tenth smaller.
  [
    join(docs, "descriptions.ts"),
    () => ({ asyncapi: read("asyncapi.json"), openapi: read("openapi.json") }),
  ],
  [join(docs, "reference.json"), () => read("reference.json")],
]);

/** Packs the documents that the API serves: packed they add 30 kB to a bundle, as JSON 210 kB. */
const documents: Plugin = {
  name: "documents",
  setup(build) {
    build.onLoad({ filter: ANY }, (args: Args) => {
      const document = DOCUMENTS.get(pathOf(args));
      if (document === undefined) return undefined;
      const minified = JSON.stringify(document());
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

const ZOD_SCHEMAS = join("node_modules", "zod", "v4", "classic", "schemas.js");

/** What makes a JSON Schema of a Zod schema, and what is in its place. */
const JSON_SCHEMA: readonly (readonly [text: RegExp, replacement: string])[] = [
  [/^ *inst\._zod\.processJSONSchema = .*;$/gm, ""],
  [
    /^import \{ createStandardJSONSchemaMethod, createToJSONSchemaMethod \} from .*;$/m,
    'const createToJSONSchemaMethod = () => { throw new Error("no JSON Schema in a bundle"); }, createStandardJSONSchemaMethod = () => createToJSONSchemaMethod;',
  ],
];

/** Leaves the JSON Schemas of Zod out, 20 kB: a bundle has them in its documents, made before. */
const schemas: Plugin = {
  name: "schemas",
  setup(build) {
    build.onLoad({ filter: ANY }, (args: Args) => {
      const path = pathOf(args);
      if (!path.endsWith(ZOD_SCHEMAS)) return undefined;
      let contents = readFileSync(path, "utf8");
      for (const [text, replacement] of JSON_SCHEMA) {
        if (contents.search(text) < 0) throw new Error(`${path} does not match ${text}`);
        contents = contents.replace(text, replacement);
      }
      return { contents, loader: "js" };
    });
  },
};

export default [credentials, documents, schemas];
