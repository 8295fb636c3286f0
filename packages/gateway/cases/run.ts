import type { Case, CaseRunner } from "./case.ts";
import { runHttpApiCase } from "./http-api.ts";
import { openCaseIssuer } from "./issuer.ts";
import { runWebSocketApiCase } from "./websocket-api.ts";

/** How many cases went which way. */
export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
}

// A new kind of API is a module beside this one and a line here.
const RUNNERS: Readonly<Record<string, CaseRunner>> = {
  http: runHttpApiCase,
  ws: runWebSocketApiCase,
  mgmt: runWebSocketApiCase,
};

const KINDS: Readonly<Record<string, string>> = {
  rest: "rest-api",
};

/** Runs cases one after the other and prints a line for each. */
export async function runCases(
  cases: readonly Case[],
  print: (line: string) => void,
): Promise<Summary> {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0 };
  const issuer = await openCaseIssuer();
  try {
    for (const wanted of cases) {
      const { id, api, title } = wanted;
      const run = Object.hasOwn(RUNNERS, api) ? RUNNERS[api] : undefined;
      if (!run) {
        summary.skipped++;
        print(`- ${id} not run: ${KINDS[api] ?? api} is not emulated yet`);
        continue;
      }
      const warn = (text: string) => print(`  ${id} warning: ${text}`);
      const differs = await run(wanted, issuer, warn).catch((error: unknown) => String(error));
      summary[differs === undefined ? "passed" : "failed"]++;
      print(differs === undefined ? `ok ${id} ${title}` : `not ok ${id} ${title}: ${differs}`);
    }
  } finally {
    await issuer.close();
  }
  return summary;
}
