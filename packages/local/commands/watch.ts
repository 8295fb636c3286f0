import type { Change } from "@stockwire/core/changes/change";
import { parseArgs } from "node:util";
import { createLive, type Topic } from "@stockwire/client/live";
import { openIssuer } from "../issuer/issuer.ts";
import { find } from "../servers.ts";

const USAGE = `Usage: npm run -s watch -- [TOPIC …] [options]

Prints each change of the server on this machine the moment it happens; Ctrl-C ends it. A topic is
a feed (users, products, inventory, items, reservations), a record (products/ID) or a filter
("products?category=Books", "inventory?level=low", "items?type=book"); inventory unless told.

  --json       whole changes, one JSON object a line
  --since TEXT a cursor: what was missed since then comes first
  --port N     the server's port (PORT or 3000)`;

class UsageError extends Error {}

function readOptions() {
  const options = {
    json: { type: "boolean", default: false },
    since: { type: "string" },
    port: { type: "string", default: process.env["PORT"] || "3000" },
    help: { type: "boolean", default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const port = Number(values.port);
    if (!/^\d{1,5}$/.test(values.port) || port < 1 || port > 65_535) {
      throw new Error("--port must be 1 to 65535");
    }
    const [first = "inventory", ...rest] = positionals;
    return { ...values, port, topics: [first as Topic, ...(rest as Topic[])] as const };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A change in one line: when, what, which, from what to what, by whom. */
function lineOf({ at, feed, seq, op, id, version, changed, before, data, reason, actor }: Change) {
  const values = changed.map((name) => `${name} ${text(before?.[name])} → ${text(data?.[name])}`);
  const what = values.length > 0 ? `  ${values.join(", ")}` : "";
  const why = reason === undefined ? "" : `  (${reason})`;
  return `${at.slice(11, 23)}  ${feed} #${seq}  ${op} ${id} v${version}${what}${why}  by ${actor}`;
}

const text = (value: unknown): string => JSON.stringify(value) ?? "nothing";

async function main(): Promise<void> {
  const { json, since, port, topics, help } = readOptions();
  if (help) return console.log(USAGE);
  const server = find(port);
  if (!server) throw new UsageError(`No server runs on port ${port}: start one with npm run dev`);
  const issuer = await openIssuer({ dir: server.dataDir, issuer: server.issuer });
  const live = createLive({
    url: `ws://localhost:${port}/live`,
    token: () => issuer.sign({ claims: { sub: "watch", scope: "admin" } }),
  });
  process.once("SIGINT", () => live.close());
  process.once("SIGTERM", () => live.close());
  const changes = live.subscribe(topics, { ...(since !== undefined && { since }) });
  changes.ready.then(
    () => console.error(`Watching ${topics.join(", ")} on port ${port}`),
    () => undefined, // told below
  );
  for await (const entry of changes) {
    if (entry.type === "reset") console.error(`Changes were missed (${entry.reason})`);
    else console.log(json ? JSON.stringify(entry.event) : lineOf(entry.event));
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
