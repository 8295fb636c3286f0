/** Runs tests in a copy of the work tree, as a process group of its own that always ends. */

import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestCase } from "./defect.ts";
import type { Workspace } from "./workspace.ts";

export interface RunResult {
  /** `broken`: no test has run to its end, so that the run says nothing about the tests. */
  outcome: "passed" | "failed" | "timeout" | "broken";
  /** The full titles of the tests that passed and of those that failed, by file. */
  passed: Result[];
  failed: Result[];
  /** What was printed, to explain a run that is broken. */
  output: string;
}

interface Result {
  file: string;
  title: string;
}

interface Options {
  workspace: Pick<Workspace, "root" | "temporary">;
  timeoutMs: number;
  /** More options of vitest. */
  options: readonly string[];
  signal: AbortSignal;
}

/** The report of vitest's reporter `json`. */
interface Report {
  testResults: {
    name: string;
    message?: string; // why the file could not be loaded
    assertionResults: { status: string; fullName: string }[];
  }[];
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/** Runs the test cases. Never rejects for a test that fails. */
export async function runTests(
  tests: readonly TestCase[],
  { workspace: { root, temporary }, timeoutMs, options, signal }: Options,
): Promise<RunResult> {
  const report = join(temporary, "report.json");
  await rm(report, { force: true });
  const child = spawn(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      ...new Set(tests.map(({ file }) => file)),
      `--testNamePattern=${[...new Set(tests.map(({ title }) => escaped(title)))].join("|")}`,
      "--reporter=json",
      `--outputFile=${report}`,
      "--maxWorkers=1",
      ...options,
    ],
    {
      cwd: root,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        TMPDIR: temporary,
        EVALUATE_ONLY: "production", // one stage of infra, to save most of its time
      },
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  }
  const killGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // all processes of the group have ended
    }
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup();
  }, timeoutMs);
  signal.addEventListener("abort", killGroup, { once: true });
  const exited = Promise.withResolvers<number | null>();
  child.once("error", exited.reject).once("exit", exited.resolve);
  try {
    const code = await exited.promise;
    if (timedOut) return { outcome: "timeout", passed: [], failed: [], output };
    const { passed, failed, messages } = await resultsIn(report, root);
    const outcome =
      failed.length > 0 ? "failed" : code === 0 && passed.length > 0 ? "passed" : "broken";
    return { outcome, passed, failed, output: [...messages, output].join("\n") };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", killGroup);
    killGroup(); // servers that a test has started and not ended
  }
}

async function resultsIn(report: string, root: string) {
  const text = await readFile(report, "utf8").catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as Report;
  const withStatus = (wanted: string): Result[] =>
    testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === wanted)
        .map(({ fullName }) => ({ file: name.slice(root.length + 1), title: fullName })),
    );
  const messages = testResults.flatMap(({ message }) => (message ? [message] : []));
  return { passed: withStatus("passed"), failed: withStatus("failed"), messages };
}
