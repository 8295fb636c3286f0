/**
 * `npm run seed`: creates the demo data through the HTTP API, as any client would. Existing records
 * stay unchanged, so it can be repeated.
 */

import { parseArgs } from "node:util";
import { messageOf } from "../error.ts";
import { createProgress } from "../transfer/progress.ts";
import { findRunning, openIssuerOf } from "../server-registry.ts";

const users = [
  { name: "John Doe", email: "john@example.com" },
  { name: "Jane Smith", email: "jane@example.com" },
];

const products = [
  { name: "Fountain pen", price: 34.5, category: "Pens", sku: "PEN-001", initialQuantity: 120 },
  { name: "Rollerball", price: 12.99, category: "Pens", sku: "PEN-002", initialQuantity: 40 },
  { name: "Notebook A5", price: 9.99, category: "Paper", sku: "PAP-001", initialQuantity: 250 },
  { name: "Desk lamp", price: 79, category: "Office", sku: "OFF-001", initialQuantity: 8 },
  { name: "Last of its kind", price: 499, category: "Office", sku: "OFF-002", initialQuantity: 1 },
  { name: "Ink, blue", price: 6.2, category: "Pens", sku: "PEN-003", initialQuantity: 0 },
];

const items = [
  { id: "item_welcome", type: "note", title: "Welcome", body: "An item is any JSON object." },
  { id: "item_warehouse", type: "place", name: "Main warehouse", bins: ["A-1", "A-2", "B-1"] },
  { id: "item_opening-hours", type: "note", title: "Opening hours", weekdays: { from: 9, to: 17 } },
];

/** The statuses of a create whose record exists: a taken email or sku, or a taken item id. */
const EXISTS = new Set([409, 412]);

/**
 * Creates the missing records at the server `url`, with an admin token, and returns how many it
 * created. `onProgress` is called after each record. Throws if the server refuses one for another
 * reason.
 */
export async function seed(
  url: string,
  token: string,
  onProgress: (text: string) => void = () => undefined,
): Promise<number> {
  const total = users.length + products.length + items.length;
  let [created, done] = [0, 0];
  const send = async (method: string, path: string, body: object, headers: object = {}) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    if (answer.status === 201) created++;
    else if (!EXISTS.has(answer.status)) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    } else await answer.body?.cancel();
    onProgress(`${++done} of ${total} records: ${created} new`);
  };
  for (const user of users) await send("POST", "/users", user);
  for (const product of products) await send("POST", "/products", product);
  for (const { id, ...item } of items) {
    await send("PUT", `/items/${id}`, item, { "if-none-match": "*" });
  }
  return created;
}

const USAGE = `Usage: npm run seed -- [--port N]

Creates the demo data on the server on this machine. Existing records stay unchanged.

  --port N   port of the server (default: PORT or 3000)
  --help     show this text`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const server = findRunning(values.port);
  const issuer = await openIssuerOf(server);
  const token = issuer.sign({ claims: { sub: "seed", scope: "admin" } });
  const progress = createProgress(process.stderr);
  let last = "";
  const created = await seed(server.issuer, token, (text) => {
    progress.show(text);
    last = text;
  });
  progress.end(last);
  console.log(`${created} records are new`);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
