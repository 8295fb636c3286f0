/** One sample of section cold: imports a bundle, invokes it once and prints the times. */

import { CONTEXT } from "./operation.ts";

const [, , bundle = "", event = ""] = process.argv;

const started = performance.now(); // ms since the process began
const { handler } = (await import(bundle)) as {
  handler: (event: unknown, context: object) => Promise<{ statusCode: number }>;
};
const imported = performance.now();
const { statusCode } = await handler(JSON.parse(event), CONTEXT);
const done = performance.now();
const { user, system } = process.cpuUsage();

const times = {
  total: done,
  import: imported - started,
  first: done - imported,
  init: done - started,
  cpu: (user + system) / 1000,
  statusCode,
};
process.stdout.write(`\n${JSON.stringify(times)}\n`);
process.exit(0);
