import { parseArgs } from "node:util";
import { openIssuer } from "../issuer/issuer.ts";
import { find } from "../servers.ts";

/** Demo data, through the API like anyone's. What is there already stays as it is. */

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

const PRESENT = new Set([409, 412]);

/** Creates what is missing at `url`; gives how many records were new. */
export async function seed(url: string, token: string): Promise<number> {
  let created = 0;
  const send = async (method: string, path: string, body: object, headers: object = {}) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    if (answer.status === 201) created++;
    else if (!PRESENT.has(answer.status)) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
    } else await answer.body?.cancel();
  };
  for (const user of users) await send("POST", "/users", user);
  for (const product of products) await send("POST", "/products", product);
  for (const { id, ...item } of items) {
    await send("PUT", `/items/${id}`, item, { "if-none-match": "*" });
  }
  return created;
}

const USAGE = `Usage: npm run seed -- [--port N]

Puts the demo data into the server on this machine; what is there already stays as it is.

  --port N   the server's port (PORT or 3000)`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: process.env["PORT"] || "3000" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const server = find(Number(values.port));
  if (!server) throw new Error(`No server of this folder runs on port ${values.port}: npm run dev`);
  const issuer = await openIssuer({ dir: server.dataDir, issuer: server.issuer });
  const token = issuer.sign({ claims: { sub: "seed", scope: "admin" } });
  console.log(`${await seed(server.issuer, token)} records are new`);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
