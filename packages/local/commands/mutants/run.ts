/** Runs tests in a copy of the work tree, as a process group of its own that always ends. */

import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestCase } from "./defect.ts";

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
  root: string;
  timeoutMs: number;
  /** More options of vitest. */
  options: readonly string[];
  signal: AbortSignal;
}

/** The report of vitest's reporter `json`. */
interface Report {
  testResults: {
    name: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/** Runs the test cases. Never rejects for a test that fails. */
export async function runTests(
  tests: readonly TestCase[],
  { root, timeoutMs, options, signal }: Options,
): Promise<RunResult> {
  const report = join(root, "mutants-report.json");
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
      env: { ...process.env, EVALUATE_ONLY: "production" }, // one stage of infra instead of eight
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
    const results = await resultsIn(report, root);
    const outcome =
      results.failed.length > 0
        ? "failed"
        : code === 0 && results.passed.length > 0
          ? "passed"
          : "broken";
    return { outcome, ...results, output };
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
  return { passed: withStatus("passed"), failed: withStatus("failed") };
}
