/**
 * Stack traces of a bundle with the positions of the sources. The source map beside the bundle is
 * read when the first error is logged. Node's own `--enable-source-maps` reads it at every cold
 * start, which makes the init about 10 % slower.
 */

import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** `file:///var/task/bundle.mjs:1:2345` */
const POSITION = /(?<file>file:\/\/[^\s()]+):(?<line>\d+):(?<column>\d+)/g;

const maps = new Map<string, SourceMap | undefined>();

/** Replaces each position that a source map knows; leaves all others, and so a run from sources. */
export function originalStack(stack: string | undefined): string | undefined {
  return stack?.replace(POSITION, (position, file: string, line: string, column: string) => {
    // Stack traces count from 1, source maps from 0.
    const found = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (found === undefined || !("originalSource" in found)) return position;
    // Sources are relative to the folder of the build, which is somewhere below the repository.
    const source = found.originalSource.replace(/^(?:\.\.\/)+/, "");
    return `${source}:${found.originalLine + 1}:${found.originalColumn + 1}`;
  });
}

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) maps.set(file, readMap(file));
  return maps.get(file);
}

function readMap(file: string): SourceMap | undefined {
  try {
    const text = readFileSync(`${fileURLToPath(file)}.map`, "utf8");
    return new SourceMap(JSON.parse(text) as ConstructorParameters<typeof SourceMap>[0]);
  } catch {
    return undefined; // there is no map, or it cannot be read: the trace stays as it is
  }
}
