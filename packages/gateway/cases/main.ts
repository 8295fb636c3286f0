import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Case, parseCases } from "./case.ts";
import { runCases } from "./run.ts";

const USAGE = `Usage: npm run gateway-cases -- FILE [--filter PREFIX]

Runs the cases of FILE (format of gateway-cases.json) against the laptop's gateways over real sockets
and prints one line each. --filter keeps the cases whose id starts with PREFIX.
Exit code: 0 all passed, 1 some failed, 2 FILE or arguments are wrong.`;

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
    if (file === undefined || rest.length > 0) throw new Error("exactly one FILE is needed");
    const all = parseCases(readFileSync(file, "utf8"));
    cases = all.filter(({ id }) => id.startsWith(values.filter));
    if (cases.length === 0) throw new Error(`no case's id starts with ${values.filter}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    return 2;
  }
  const { passed, failed, skipped } = await runCases(cases, console.log);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}
