/** The command `npm run gateway-cases`. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Case, parseCases } from "./case.ts";
import { runCases } from "./run.ts";

const USAGE = `Usage: npm run gateway-cases -- FILE [--filter PREFIX]

Runs the cases in FILE (in the format of gateway-cases.json) against the gateway over real sockets and
prints one line for each. --filter PREFIX runs only the cases whose id starts with PREFIX.
Exit code: 0 if all cases pass, 1 if one fails, 2 if FILE or an argument is wrong.`;

process.stdout.on("error", () => process.exit()); // for example `| head -1` has read enough
process.exitCode = await main();

async function main(): Promise<number> {
  let cases: Case[];
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        filter: { type: "string", default: "" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0) throw new Error("give exactly one FILE");
    const all = parseCases(readFileSync(file, "utf8"));
    cases = all.filter(({ id }) => id.startsWith(values.filter));
    if (cases.length === 0) throw new Error(`no case has an id that starts with ${values.filter}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    return 2;
  }
  const { passed, failed, skipped } = await runCases(cases, console.log);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}
