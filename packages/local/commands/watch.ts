/**
 * `npm run watch`: prints the changes of a server on this machine. Changes go to standard output, and
 * everything else to standard error. It reconnects when the server restarts.
 */

import type { Change } from "@stockwire/core/changes/change";
import { parseArgs } from "node:util";
import { createLive, type Topic } from "@stockwire/client/live";
import { onClosedPipe } from "../closed-pipe.ts";
import { messageOf } from "../error.ts";
import { findRunning, openIssuerOf } from "../server-registry.ts";

const USAGE = `Usage: npm run -s watch -- [TOPIC …] [options]

Prints each change on the server on this machine as it happens. Ctrl-C ends it. A topic is a feed
(users, products, inventory, items, reservations), a record (products/ID) or a filter
("products?category=Books", "inventory?level=low", "items?type=book"). Default: inventory.

  --json        print whole changes, one JSON object per line
  --since TEXT  a cursor: begin with the changes after it
  --port N      port of the server (default: PORT or 3000)
  --help        show this text`;

function readOptions() {
  const options = {
    json: { type: "boolean", default: false },
    since: { type: "string" },
    port: { type: "string" },
    help: { type: "boolean", default: false },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [first = "inventory", ...rest] = positionals;
  return { ...values, topics: [first as Topic, ...(rest as Topic[])] as const };
}

/** A change in one line: time, feed, operation, record, old and new values, reason, actor. */
function lineOf({ at, feed, seq, op, id, version, changed, before, data, reason, actor }: Change) {
  const differences = changed.map(
    (name) => `${name} ${text(before?.[name])} → ${text(data?.[name])}`,
  );
  const values = differences.length > 0 ? `  ${differences.join(", ")}` : "";
  const why = reason === undefined ? "" : `  (${reason})`;
  return `${at.slice(11, 23)}  ${feed} #${seq}  ${op} ${id} v${version}${values}${why}  by ${actor}`;
}

const text = (value: unknown): string => JSON.stringify(value) ?? "nothing";

async function main(): Promise<void> {
  const { json, since, topics, help, ...given } = readOptions();
  if (help) return console.log(USAGE);
  const server = findRunning(given.port);
  const { port } = server;
  const issuer = await openIssuerOf(server);
  const live = createLive({
    url: `ws://localhost:${port}/live`,
    token: () => issuer.sign({ claims: { sub: "watch", scope: "admin" } }),
  });
  process.once("SIGINT", () => live.close());
  process.once("SIGTERM", () => live.close());
  onClosedPipe(() => live.close());
  const changes = live.subscribe(topics, { ...(since !== undefined && { since }) });
  changes.ready.then(
    () => console.error(`Watching ${topics.join(", ")} on port ${port}`),
    () => undefined, // the loop below throws the same error
  );
  try {
    for await (const entry of changes) {
      if (entry.type === "reset") console.error(`Changes were missed (${entry.reason})`);
      else console.log(json ? JSON.stringify(entry.event) : lineOf(entry.event));
    }
  } finally {
    live.close(); // an open connection would keep the process alive
  }
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
