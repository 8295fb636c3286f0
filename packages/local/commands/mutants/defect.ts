/**
 * A defect is a small change of the source that does real harm. The check here keeps the list armed:
 * a defect whose text has moved would plant nothing, and its test would seem to be worthless.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One defect, and the test that must fail while it is planted. */
export interface Defect {
  /** From the root of the repository. */
  file: string;
  /** Occurs exactly once in the file. */
  text: string;
  replacement: string;
  /** What goes wrong for whom, in one sentence. */
  harm: string;
  test: TestCase;
  /** True if the defect may make the test wait for ever: a run that does not end is a failure then. */
  mayHang?: true;
}

/** The nearest test: all tests of a file whose full titles contain a text. */
export interface TestCase {
  /** From the root of the repository. */
  file: string;
  /** A part of the title that is in the file as it is, so without placeholders such as `%s`. */
  title: string;
}

/** Returns what must be corrected before the defects can be planted, one line for each fault. */
export function faultsOf(defects: readonly Defect[], root: string): string[] {
  const read = (file: string) => {
    const path = join(root, file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  const seen = new Set<string>();
  return defects.flatMap((defect) => {
    const { file, text, replacement, harm, test } = defect;
    const [source, testSource] = [read(file), read(test.file)];
    const count = source === undefined ? 0 : source.split(text).length - 1;
    const faults = [
      ...(source === undefined ? [`there is no file ${file}`] : []),
      ...(source !== undefined && count !== 1
        ? [`its text occurs ${count} times in ${file}, and must occur once: ${oneLine(text)}`]
        : []),
      ...(text === replacement ? ["its replacement changes nothing"] : []),
      ...(testSource === undefined ? [`there is no test file ${test.file}`] : []),
      ...(testSource !== undefined && !testSource.includes(test.title)
        ? [`no title in ${test.file} contains: ${test.title}`]
        : []),
      ...(seen.has(harm) ? ["another defect has the same harm"] : []),
    ];
    seen.add(harm);
    return faults.map((fault) => `The defect "${harm}" must be adapted: ${fault}`);
  });
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").slice(0, 120);
