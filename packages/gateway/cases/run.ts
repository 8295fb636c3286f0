/** Runs cases one after another, each with its own APIs on its own ports. */

import { type Case, type CaseRunner, NotRun } from "./case.ts";
import { runHttpApiCase, runRestApiCase } from "./http-api.ts";
import { openCaseIssuer } from "./issuer.ts";
import { runWebSocketApiCase } from "./websocket-api.ts";

/** The number of cases by result. */
export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
}

const RUNNERS: Readonly<Record<string, CaseRunner>> = {
  http: runHttpApiCase,
  rest: runRestApiCase,
  ws: runWebSocketApiCase,
  mgmt: runWebSocketApiCase,
};

/**
 * Runs cases and prints a line for each. A case is skipped, and its line says why, if its kind of API
 * is not emulated or if it uses a step or handler that this runner does not know.
 */
export async function runCases(
  cases: readonly Case[],
  print: (line: string) => void,
): Promise<Summary> {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0 };
  const issuer = await openCaseIssuer();
  try {
    for (const testCase of cases) {
      const { id, api, title } = testCase;
      const warn = (text: string) => print(`  ${id} warning: ${text}`);
      try {
        const run = Object.hasOwn(RUNNERS, api) ? RUNNERS[api] : undefined;
        if (!run) throw new NotRun(`${api}-api is not emulated yet`);
        const differs = await run(testCase, issuer, warn);
        summary[differs === undefined ? "passed" : "failed"]++;
        print(differs === undefined ? `ok ${id} ${title}` : `not ok ${id} ${title}: ${differs}`);
      } catch (error) {
        const isUnknown = error instanceof NotRun;
        summary[isUnknown ? "skipped" : "failed"]++;
        print(
          isUnknown
            ? `- ${id} not run: ${error.message}`
            : `not ok ${id} ${title}: ${String(error)}`,
        );
      }
    }
  } finally {
    await issuer.close();
  }
  return summary;
}
