/**
 * `npm run import`: brings the rows of a file into any server. It can be repeated and continues after it
 * was killed; refused rows are listed in a file beside the imported one.
 */

import { parseArgs } from "node:util";
import { LocalError } from "../error.ts";
import { createProgress } from "../transfer/progress.ts";
import { callersPath } from "../transfer/callers-path.ts";
import { formatOf, FORMATS } from "../transfer/file.ts";
import { importFile, summary } from "../transfer/import.ts";
import { isResource, RESOURCES } from "../transfer/resource.ts";
import { failureOf, openServer, SERVER_USAGE, serverOptions } from "../transfer/server.ts";

const USAGE = `Usage: npm run import -- RESOURCE FILE [options]

Creates the records of FILE, or changes those that differ. RESOURCE and what identifies a row:
  users      email
  products   sku; initialQuantity counts for new products only
  inventory  sku or productId: sets quantity and reorderPoint of products that exist
  items      id; replaces all attributes

  --format F    ${FORMATS.join(" or ")} (default: that of FILE's name)
${SERVER_USAGE}
  --help        show this text

The first line of a CSV file names the columns. An empty cell leaves a member as it is, "" is an empty
text, and null in JSON Lines removes a member. id, createdAt, updatedAt and version of an export are
ignored, except the id of an item.

Refused lines are listed in FILE.refused.csv, and the exit code is 1. A run that was stopped or killed
continues where it ended: run the command again. Rows of products and items without sku or id are new
records; within 24 hours the same caller creates them once from the same file.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...serverOptions,
      format: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [resource = "", given, ...rest] = positionals;
  if (!isResource(resource)) {
    throw new LocalError(`name one of ${RESOURCES.join(", ")} (see --help)`);
  }
  if (given === undefined || rest.length > 0) throw new LocalError("name one FILE (see --help)");
  const file = callersPath(given);
  const format = formatOf(values.format, file);
  const server = await openServer(values);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stopping.abort());
  }

  const progress = createProgress(process.stderr);
  const { counts, rows, reportFile, isComplete } = await importFile({
    server,
    resource,
    file,
    format,
    onProgress: (text) => progress.show(text),
    signal: stopping.signal,
  });
  progress.end(summary(counts, rows));
  if (counts.refused > 0) {
    console.log(`Refused lines: ${reportFile}`);
    process.exitCode = 1;
  }
  if (!isComplete) {
    console.log("Stopped; run the command again to continue");
    process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  console.error(failureOf(error));
  process.exitCode = 1;
});
