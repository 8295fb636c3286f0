/** Runs cases one after another, each with its own APIs on its own ports. */

import type { Case, CaseRunner } from "./case.ts";
import { runHttpApiCase } from "./http-api.ts";
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
  ws: runWebSocketApiCase,
  mgmt: runWebSocketApiCase,
};

/** Runs cases and prints a line for each. Cases of a kind of API that is not emulated are skipped. */
export async function runCases(
  cases: readonly Case[],
  print: (line: string) => void,
): Promise<Summary> {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0 };
  const issuer = await openCaseIssuer();
  try {
    for (const testCase of cases) {
      const { id, api, title } = testCase;
      const run = Object.hasOwn(RUNNERS, api) ? RUNNERS[api] : undefined;
      if (!run) {
        summary.skipped++;
        print(`- ${id} not run: ${api}-api is not emulated yet`);
        continue;
      }
      const warn = (text: string) => print(`  ${id} warning: ${text}`);
      const differs = await run(testCase, issuer, warn).catch((error: unknown) => String(error));
      summary[differs === undefined ? "passed" : "failed"]++;
      print(differs === undefined ? `ok ${id} ${title}` : `not ok ${id} ${title}: ${differs}`);
    }
  } finally {
    await issuer.close();
  }
  return summary;
}
