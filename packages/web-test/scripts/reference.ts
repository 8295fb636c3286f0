/**
 * `npm run reference`: bundles src/reference into the file that packages/functions serves the API
 * reference from. A test fails while that file is stale. It is minified, since it is a part of the
 * function `http`.
 */

import { build, type BuildOptions } from "esbuild";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const GENERATED = new URL("../../functions/src/api/docs/reference.json", import.meta.url);

const options: BuildOptions = {
  absWorkingDir: fileURLToPath(new URL("../src/reference", import.meta.url)),
  bundle: true,
  format: "esm",
  minify: true,
  target: "esnext",
  charset: "utf8",
  write: false,
};

/** The text of the generated file: the page's script and style. */
export async function generate(): Promise<string> {
  const document = { script: await bundle("main.ts"), style: await bundle("style.css") };
  return `${JSON.stringify(document, null, 2)}\n`;
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles = [] } = await build({ ...options, entryPoints: [entry] });
  const text = outputFiles[0]?.text ?? "";
  // This would end the element that holds the text.
  const unsafe = /<\/(?:script|style)/.exec(text);
  if (text === "" || unsafe)
    throw new Error(`${entry} can't be inlined: ${unsafe?.[0] ?? "empty"}`);
  return text;
}

const HELP = `Usage: npm run reference

Writes packages/functions/src/api/docs/reference.json, the script and style of the page at /docs.`;

if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", default: false } } });
    if (values.help) console.log(HELP);
    else writeFileSync(GENERATED, await generate());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
