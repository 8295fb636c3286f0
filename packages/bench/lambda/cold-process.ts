/** Run fresh for each sample: imports a bundle, answers one event, prints the times. */

const [, , bundle = "", event = ""] = process.argv;

const started = performance.now(); // ms since the process began
const { handler } = (await import(bundle)) as {
  handler: (event: unknown) => Promise<{ statusCode: number }>;
};
const imported = performance.now();
const { statusCode } = await handler(JSON.parse(event));
const answered = performance.now();
const { user, system } = process.cpuUsage();

const times = {
  total: answered,
  import: imported - started,
  first: answered - imported,
  init: answered - started,
  cpu: (user + system) / 1000,
  statusCode,
};
process.stdout.write(`\n${JSON.stringify(times)}\n`);
process.exit(0);
