/** `npm run client-types`: writes src/api.gen.ts. A test fails while it is stale. */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type AsyncApi, type OpenApi, typeText } from "./type-text.ts";

const HELP = `Usage: npm run client-types

Writes packages/client/src/api.gen.ts from the files that npm run openapi and npm run asyncapi write.`;

const docs = new URL("../../functions/src/api/docs/", import.meta.url);
const documentOf = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`${name}.json`, docs), "utf8"));

try {
  const { values } = parseArgs({ options: { help: { type: "boolean", default: false } } });
  if (values.help) {
    console.log(HELP);
  } else {
    const text = typeText(documentOf("openapi") as OpenApi, documentOf("asyncapi") as AsyncApi);
    writeFileSync(new URL("../src/api.gen.ts", import.meta.url), text);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
