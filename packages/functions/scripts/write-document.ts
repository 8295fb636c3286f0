/** What `npm run openapi`, `npm run asyncapi` and `npm run partner` do. */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** Writes the document that the app serves at `/<name>.json`. */
export const writeDocument = (name: string, document: () => unknown): void =>
  writeDocuments(
    name,
    { [`api/docs/${name}`]: document },
    `which the app serves at /${name}.json.`,
  );

/**
 * Writes src/<path>.json for each document and the texts at their paths in the repository, or shows the
 * usage for `--help`. Ends with 1 on another option. `purpose` ends the sentence "Writes …, ".
 */
export function writeDocuments(
  command: string,
  documents: Readonly<Record<string, () => unknown>>,
  purpose: string,
  texts: Readonly<Record<string, () => string>> = {},
): void {
  const paths = [
    ...Object.keys(documents).map((path) => `packages/functions/src/${path}.json`),
    ...Object.keys(texts),
  ];
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", default: false } } });
    if (values.help) {
      console.log(`Usage: npm run ${command}\n\nWrites ${paths.join(" and ")}, ${purpose}`);
      return;
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
    return;
  }
  for (const [path, document] of Object.entries(documents)) {
    const file = new URL(`../src/${path}.json`, import.meta.url);
    writeFileSync(file, `${JSON.stringify(document(), null, 2)}\n`);
  }
  for (const [path, text] of Object.entries(texts)) {
    writeFileSync(new URL(`../../../${path}`, import.meta.url), text());
  }
}
