/** What `npm run openapi` and `npm run asyncapi` do. */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** Writes src/api/docs/<name>.json, or shows the usage for `--help`. Ends with 1 on another option. */
export function writeDocument(name: string, document: () => unknown): void {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", default: false } } });
    if (values.help) {
      console.log(`Usage: npm run ${name}

Writes packages/functions/src/api/docs/${name}.json, which the app serves at /${name}.json.`);
      return;
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
    return;
  }
  const file = new URL(`../src/api/docs/${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(document(), null, 2)}\n`);
}
