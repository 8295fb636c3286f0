import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { asyncapi } from "./asyncapi-document.ts";

/** `npm run asyncapi`: writes the document that the app serves; a test fails while it is stale. */

const packed = gzipSync(JSON.stringify(asyncapi()), { level: 9 }).toString("base64");

writeFileSync(
  new URL("../src/api/docs/asyncapi.gen.ts", import.meta.url),
  `/** The AsyncAPI document, gzipped, base64; made by \`npm run asyncapi\`. */
export const asyncapiGzip =
  "${packed}";
`,
);
