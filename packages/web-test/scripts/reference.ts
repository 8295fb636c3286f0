/**
 * `npm run reference`: bundles src/reference into the file that packages/functions serves the API
 * reference from. A test fails while that file is stale. The bundle stays readable: it is not
 * minified, and a browser gets it as it is committed.
 */

import { build, type BuildOptions } from "esbuild";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const GENERATED = new URL("../../functions/src/api/docs/reference.gen.ts", import.meta.url);

const options: BuildOptions = {
  absWorkingDir: fileURLToPath(new URL("../src/reference", import.meta.url)),
  bundle: true,
  format: "esm",
  target: "esnext",
  charset: "utf8",
  supported: { "template-literal": false }, // so that the text fits into one
  write: false,
};

/** The text of the generated module. */
export async function generate(): Promise<string> {
  const [script, style] = [await bundle("main.ts"), await bundle("style.css")];
  return `/** The script and the style of the API reference; made by \`npm run reference\`. */

export const script = String.raw\`
${script}\`;

export const style = String.raw\`
${style}\`;
`;
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles = [] } = await build({ ...options, entryPoints: [entry] });
  const text = outputFiles[0]?.text ?? "";
  // These would end the literal or the element that holds the text.
  const unsafe = /`|\$\{|<\/(?:script|style)/.exec(text);
  if (text === "" || unsafe)
    throw new Error(`${entry} can't be inlined: ${unsafe?.[0] ?? "empty"}`);
  return text;
}

const HELP = `Usage: npm run reference

Writes packages/functions/src/api/docs/reference.gen.ts, the script and style of the page at /docs.`;

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
