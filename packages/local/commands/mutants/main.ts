/**
 * `npm run mutants`: plants one defect after another into a copy of the sources, and expects that the
 * nearest test fails. A defect that survives shows a promise that no test keeps.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { LocalError, messageOf } from "../../error.ts";
import { type Defect, faultsOf, type TestCase } from "./defect.ts";
import { defects } from "./list.ts";
import { runTests, type RunResult } from "./run.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

const USAGE = `Usage: npm run mutants -- [--only TEXT]… [--list]

Plants ${defects.length} defects, one at a time, into a copy of the work tree, and runs the
nearest test of each. Prints the defects that no test notices. Exit code 0: each was
noticed; 1: some survive; 2: the run was not possible.

  --only TEXT  only defects whose file, harm or test contains this text; may be repeated
  --list       list the defects and run nothing
  --help       show this text`;

const root = join(import.meta.dirname, "../../../..");
/** Ms of one run; those of infra evaluate stages first. */
const timeoutOf = ({ file }: TestCase) => (isOfInfra(file) ? 600_000 : 180_000);
const isOfInfra = (file: string) => file.startsWith("infra/");

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [""] },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const chosen = chosenBy(values.only);
  if (values.list) {
    for (const { file, harm, test } of chosen) console.log(`${file}\n  ${harm}\n  ${test.file}`);
    return 0;
  }
  const faults = faultsOf(defects, root);
  if (faults.length > 0) throw new LocalError(faults.join("\n"));
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());
  const withPlatform = chosen.some(({ test }) => isOfInfra(test.file));
  const workspace = await createWorkspace(root, withPlatform);
  try {
    return await plantAll(chosen, workspace, interrupted.signal);
  } finally {
    await workspace.remove();
  }
}

/** The defects that contain one of the texts, those of one test file one after another. */
function chosenBy(only: readonly string[]): Defect[] {
  const contains = ({ file, harm, test }: Defect, text: string) =>
    [file, harm, test.file, test.title].some((each) => each.includes(text));
  const wrong = only.find((text) => !defects.some((defect) => contains(defect, text)));
  if (wrong !== undefined) throw new LocalError(`No defect contains ${JSON.stringify(wrong)}`);
  const found = defects.filter((defect) => only.some((text) => contains(defect, text)));
  return [...Map.groupBy(found, ({ test }) => test.file).values()].flat();
}

async function plantAll(
  chosen: readonly Defect[],
  workspace: Workspace,
  signal: AbortSignal,
): Promise<number> {
  await control(chosen, workspace, signal);
  const survivors: string[] = [];
  const startedAt = Date.now();
  for (const [index, defect] of chosen.entries()) {
    const result = await withDefect(defect, workspace, signal);
    if (signal.aborted) throw new LocalError("interrupted");
    const verdict = verdictOn(defect, result);
    if (verdict !== "noticed") survivors.push(`${defect.file}: ${defect.harm} (${verdict})`);
    const done = index + 1;
    const left = ((Date.now() - startedAt) / done) * (chosen.length - done);
    console.log(`${done}/${chosen.length} ${minutes(left)} left  ${verdict}  ${defect.harm}`);
    if (result.outcome === "broken") console.log(result.output);
  }
  console.log(
    survivors.length === 0
      ? `Each of the ${chosen.length} defects was noticed.`
      : `${survivors.length} of ${chosen.length} defects survive:\n${survivors.join("\n")}`,
  );
  return survivors.length === 0 ? 0 : 1;
}

/** Without a defect all chosen tests must run and pass, or their failures would mean nothing. */
async function control(
  chosen: readonly Defect[],
  workspace: Workspace,
  signal: AbortSignal,
): Promise<void> {
  console.log("Running the tests without a defect");
  const tests = chosen.map(({ test }) => test);
  const timeoutMs = 900_000;
  for (const part of Object.values(Object.groupBy(tests, ({ file }) => String(isOfInfra(file))))) {
    // A test that fails once because the machine is busy is still a test.
    const options = ["--retry=2"];
    const result = await runTests(part ?? [], { workspace, timeoutMs, options, signal });
    if (signal.aborted) throw new LocalError("interrupted");
    if (result.outcome !== "passed") {
      const failed = result.failed.map(({ file, title }) => `${file}: ${title}`);
      const why = failed.length > 0 ? failed.join("\n") : result.output;
      throw new LocalError(`Without a defect the tests do not pass (${result.outcome}):\n${why}`);
    }
    const without = (part ?? []).find(
      ({ file, title }) =>
        !result.passed.some((each) => each.file === file && each.title.includes(title)),
    );
    if (without) throw new LocalError(`${without.file} has no test with: ${without.title}`);
  }
}

async function withDefect(
  defect: Defect,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<RunResult> {
  const takeOut = workspace.plant(defect);
  try {
    const timeoutMs = timeoutOf(defect.test);
    const to = { workspace, timeoutMs, options: ["--bail=1"], signal };
    return await runTests([defect.test], to);
  } finally {
    takeOut();
  }
}

type Verdict = "noticed" | "SURVIVES" | "TIMES OUT" | "DOES NOT RUN";

/** A run that does not end, or in which no test runs, notices nothing: the defect must be another. */
function verdictOn({ mayHang }: Defect, { outcome }: RunResult): Verdict {
  if (outcome === "failed" || (outcome === "timeout" && mayHang)) return "noticed";
  return ({ timeout: "TIMES OUT", passed: "SURVIVES", broken: "DOES NOT RUN" } as const)[outcome];
}

const minutes = (ms: number) => `${Math.ceil(ms / 60_000)} min`;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof LocalError ? messageOf(error) : error);
  process.exitCode = 2;
}
