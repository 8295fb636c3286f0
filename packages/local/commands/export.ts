/**
 * `npm run export`: writes all records of a resource as CSV or JSON Lines, from any server. Standard output
 * holds the records only.
 */

import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { onClosedPipe } from "../closed-pipe.ts";
import { LocalError } from "../error.ts";
import { createProgress } from "../transfer/progress.ts";
import { callersPath } from "../transfer/callers-path.ts";
import { recordsOf } from "../transfer/export.ts";
import { formatOf, FORMATS, writers } from "../transfer/file.ts";
import { isResource, RESOURCES, tableOf } from "../transfer/resource.ts";
import { failureOf, openServer, SERVER_USAGE, serverOptions } from "../transfer/server.ts";

const USAGE = `Usage: npm run -s export -- RESOURCE [options]

Writes all records of RESOURCE: ${RESOURCES.join(", ")}.

  --format F    ${FORMATS.join(" or ")} (default: that of FILE's name, else csv)
  --out FILE    write to FILE when all is read (default: standard output)
${SERVER_USAGE}
  --help        show this text

In CSV an empty cell is a member that the record does not have, and "" is an empty text. A text that a
spreadsheet would run as a formula has an apostrophe before it, which npm run import removes.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...serverOptions,
      format: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [resource = "", ...rest] = positionals;
  if (!isResource(resource) || rest.length > 0) {
    throw new LocalError(`name one of ${RESOURCES.join(", ")} (see --help)`);
  }
  const format = formatOf(values.format, values.out);
  if (values.out === undefined) refuseHeading();
  const { client } = await openServer(values);

  const out = values.out === undefined ? undefined : callersPath(values.out);
  if (out !== undefined && (await stat(out).catch(() => undefined))?.isDirectory()) {
    throw new LocalError(`${out} is a folder`);
  }
  // Renamed when complete, so that a half file is not taken for a whole one. No other export writes to
  // it, and no link that another user has made in a shared folder leads elsewhere.
  const draft = `${out}.${randomUUID()}.part`;
  const output = out === undefined ? process.stdout : createWriteStream(draft, { flags: "wx" });
  if (out === undefined) onClosedPipe(() => process.exit(0));
  const failed =
    out === undefined ? undefined : once(output, "error").then(([error]) => fail(error));
  const write = async (text: string) => {
    if (text === "" || output.write(text)) return;
    await Promise.race([once(output, "drain"), ...(failed ? [failed] : [])]);
  };

  const progress = createProgress(process.stderr);
  const table = tableOf(resource);
  let count = 0;
  try {
    await write(writers[format].head(table));
    for await (const records of recordsOf(client, resource)) {
      await write(writers[format].rows(table, records));
      count += records.length;
      progress.show(`${count} records`);
    }
    if (out !== undefined) {
      await Promise.race([new Promise<void>((resolve) => output.end(resolve)), failed]);
      await rename(draft, out);
    }
    progress.end(`${count} records${out === undefined ? "" : ` in ${out}`}`);
  } catch (error) {
    if (out !== undefined) await rm(draft, { force: true });
    throw error;
  }
}

function fail(error: unknown): never {
  throw error;
}

/** npm prints a heading to standard output unless it is silent, and the file would begin with it. */
function refuseHeading(): void {
  const { npm_lifecycle_event: script, npm_config_loglevel: level } = process.env;
  if (script !== "export" || level === "silent" || process.stdout.isTTY) return;
  throw new LocalError("npm writes a heading: use npm run -s export, or --out FILE");
}

main().catch((error: unknown) => {
  console.error(failureOf(error));
  process.exitCode = 1;
});
