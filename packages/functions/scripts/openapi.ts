import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { openapi } from "./openapi-document.ts";

/** `npm run openapi`: writes the document that the app serves; a test fails while it is stale. */

const packed = gzipSync(JSON.stringify(openapi()), { level: 9 }).toString("base64");

writeFileSync(
  new URL("../src/api/docs/openapi.gen.ts", import.meta.url),
  `/** The OpenAPI document, gzipped, base64; made by \`npm run openapi\`. */
export const openapiGzip =
  "${packed}";
`,
);
