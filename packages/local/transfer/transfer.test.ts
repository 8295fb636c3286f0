/** `npm run export` and `npm run import` between servers, as a user runs them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { createClient } from "@stockwire/client";
import { collect } from "../test/collect.ts";
import { startNode } from "../test/hosts/host.ts";
import { onOwnEngine, type RunningLaptop, startLaptop } from "../test/laptop.ts";
import { runProgram } from "../test/program.ts";
import { recordsOf } from "./export.ts";
import { formatOf, writers } from "./file.ts";
import { importFile } from "./import.ts";
import { type Resource, tableOf } from "./resource.ts";

/** `npm run test:stress` imports more. */
const isStress = process.env["STRESS_KILLS"] !== undefined;
/** Rows of the import that is killed, a multiple of 50. */
const ROWS = isStress ? 400 : 150;
/** Lines of the large file, a multiple of 500, and MB of the heap that must be enough for it. */
const [LINES, HEAP] = isStress ? [10_000, 32] : [5_000, 24];

const program = (name: string) => join(import.meta.dirname, "../commands", `${name}.ts`);

let folder: string;
let one: RunningLaptop;
let other: RunningLaptop;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stockwire-transfer-"));
  const start = () => startLaptop({ args: ["--no-seed"], env: onOwnEngine });
  [one, other] = await Promise.all([start(), start()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  rmSync(folder, { recursive: true });
});

let n = 0;
let sku: (name: string) => string;
beforeEach(() => {
  const own = `T${++n}`;
  sku = (name) => `${own}-${name}`;
});

function run(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  flags: readonly string[] = [],
) {
  const clean = { ...process.env, STOCKWIRE_TOKEN: undefined, INIT_CWD: folder };
  return runProgram(program(name), args, { env: { ...clean, ...env }, flags });
}

const on = ({ url }: RunningLaptop) => ["--url", url];
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return name;
};

async function call(laptop: RunningLaptop, method: string, path: string, body?: object) {
  const answer = await fetch(laptop.url + path, {
    method,
    headers: {
      authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}`,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const json = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(JSON.stringify(json));
  return json;
}

/** Starts a server of the test, and returns its URL. */
async function serve(handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Listed = Readonly<Record<string, unknown>>;

/** A key of idempotency belongs to its caller: this is that of the command. */
const clientOf = (laptop: RunningLaptop) =>
  createClient({ baseUrl: laptop.url, token: laptop.token({ sub: "transfer", scope: "admin" }) });

/** All records without what differs from server to server. */
async function listOf(laptop: RunningLaptop, resource: Resource): Promise<Listed[]> {
  const pages = await collect(recordsOf(clientOf(laptop), resource));
  return pages
    .flat()
    .map((record) => {
      const { id, productId: _, createdAt: __, updatedAt: ___, version: ____, ...rest } = record;
      return { ...rest, ...(resource === "items" && { id }) };
    })
    .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

/** Imports in this process, as the command does. */
const imported = (laptop: RunningLaptop, resource: Resource, name: string) =>
  importFile({
    server: { url: laptop.url, client: clientOf(laptop) },
    resource,
    file: join(folder, name),
    format: formatOf(undefined, name),
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });

test("what one server exports is what another has after its import, in both formats", async () => {
  const hostile = ['=HYPERLINK("x")', "'=1", 'a\tb,"c"', "line\r\nbreak\n", "", "\u202Bשלום\u202C"];
  for (const [at, description] of hostile.entries()) {
    const price = 0.1 + at;
    const body = { name: `=${at}`, price, category: "@SUM", description, sku: sku(`${at}`) };
    const { id } = await call(one, "POST", "/products", { ...body, initialQuantity: at });
    await call(one, "PUT", `/inventory/${String(id)}`, { quantity: at + 5, reorderPoint: 6 });
  }
  await call(one, "POST", "/users", {
    name: "-Ana",
    email: "Ana@x.yz",
    phone: "0000000001",
    age: 20,
  });
  await call(one, "POST", "/users", { name: "'+Bob", email: "bob@x.yz", status: "disabled" });
  await call(one, "POST", "/items", { type: "=note", list: [1, null, { a: "\n" }], attributes: 1 });
  for (const [resource, format] of [
    ["users", "csv"],
    ["products", "csv"],
    ["inventory", "csv"],
    ["items", "csv"],
    ["users", "jsonl"],
    ["products", "jsonl"],
    ["inventory", "jsonl"],
    ["items", "jsonl"],
  ] as const) {
    const { head, rows } = writers[format];
    const pages = await collect(recordsOf(clientOf(one), resource));
    const text = pages.map((page) => rows(tableOf(resource), page)).join("");
    const name = file(`all.${format}`, head(tableOf(resource)) + text);
    const { counts } = await imported(other, resource, name);
    // What CSV has brought is the same as what JSON has.
    const changes = counts.created + counts.updated;
    expect([resource, format, counts.refused, changes > 0]).toEqual([
      resource,
      format,
      0,
      format === "csv",
    ]);
    expect(await listOf(other, resource)).toEqual(await listOf(one, resource));
  }
  expect(await listOf(other, "products")).toHaveLength(hostile.length);
}, 180_000);

describe("import", () => {
  test("changes what differs, under the version that it has compared", async () => {
    const body = { name: "Pen", price: 1, category: "Pens", description: "old", sku: sku("a") };
    const { id } = await call(other, "POST", "/products", body);
    const csv = `sku,price,description,category\n${sku("a")},2.5,,""\n${sku("a")},3.5,,Pens\n`;
    const { counts } = await imported(other, "products", file("change.csv", csv));
    expect(counts).toEqual({ created: 0, updated: 1, unchanged: 0, refused: 1 });
    expect(await call(other, "GET", `/products/${String(id)}`)).toMatchObject({
      ...body,
      price: 3.5,
      version: 2,
    });
    const lines = `${JSON.stringify({ email: "ANA@x.yz", age: null, name: "Ana" })}\n`;
    await call(other, "POST", "/users", { name: "Ana", email: "ana@x.yz", age: 30 }).catch(() => 0);
    await imported(other, "users", file("change.jsonl", lines));
    const { items } = await call(other, "GET", "/users?email=ana@x.yz");
    expect(items).toEqual([expect.not.objectContaining({ age: expect.anything() })]);
    expect(items).toMatchObject([{ name: "Ana", email: "ANA@x.yz" }]);
  });

  test("lists refused lines beside the file, and brings the others", async () => {
    const csv = [
      "name,price,category,sku,initialQuantity",
      `Good,1,Pens,${sku("good")},3`,
      `Free,0,Pens,${sku("free")},`,
      `"Two\nlines",1,Pens,${sku("two")},`,
      `Short,1`,
      `Both,abc,"",${sku("both")},-1`,
    ].join("\r\n");
    const result = await run("import", ["products", file("refused.csv", csv), ...on(other)]);
    const report = join(folder, "refused.csv.refused.csv");
    expect(result).toEqual({
      code: 1,
      stdout: `Refused lines: ${report}\n`,
      stderr: "5 of 5 lines: 1 created, 0 updated, 0 unchanged, 4 refused\n",
    });
    const [head, ...rows] = readFileSync(report, "utf8").trimEnd().split("\n");
    expect(head).toBe("line,code,message");
    expect(rows.map((row) => row.split(",", 2))).toEqual([
      ["3", "invalid_request"],
      ["4", "invalid_request"],
      ["6", "wrong_cells"],
      ["7", "invalid_request"],
    ]);
    expect(rows[3]).toMatch(/\/price: .*\/category: .*\/initialQuantity: /);
    expect(existsSync(join(folder, "refused.csv.import-state.json"))).toBe(false);

    const fixed = `name,price,category,sku\nGood,1,Pens,${sku("good")}\n`;
    await imported(other, "products", file("refused.csv", fixed));
    expect(existsSync(report)).toBe(false);
  });

  test("refuses levels without a product, and ids that no URL can name", async () => {
    const csv = `sku,productId,quantity\n${sku("none")},,1\n,,1\n,..,1\n,01939f3c-0000-7000-8000-000000000000,1\n`;
    await imported(other, "inventory", file("levels.csv", csv));
    const codes = (name: string) =>
      readFileSync(join(folder, `${name}.refused.csv`), "utf8")
        .split("\n")
        .slice(1, -1)
        .map((row) => row.split(",")[1]);
    expect(codes("levels.csv")).toEqual([
      "product_not_found",
      "invalid_request",
      "invalid_id",
      "inventory_not_found",
    ]);
    const ids = ["..", "a/b", "", "a b?ü%2F"];
    const lines = ids
      .map(
        (id) => `${JSON.stringify({ id, a: 1 })}
`,
      )
      .join("");
    const { counts } = await imported(other, "items", file("ids.jsonl", lines));
    expect(counts).toEqual({ created: 2, updated: 0, unchanged: 0, refused: 2 });
    const path = `/items/${encodeURIComponent("a b?ü%2F")}`;
    expect(await call(other, "GET", path)).toMatchObject({ id: "a b?ü%2F", a: 1 });
  });

  test("continues after kill -9, and counts nothing twice", async () => {
    const rows = Array.from({ length: ROWS }, (_, at) =>
      // Every other row has no sku, so only its line says that it was there before.
      at % 50 === 49 ? "Bad,0,Kill," : `P${at},1,Kill${sku("")},${at % 2 ? sku(String(at)) : ""}`,
    );
    const name = file("kill.csv", ["name,price,category,sku", ...rows].join("\n"));
    const state = join(folder, "kill.csv.import-state.json");
    const child = spawn(process.execPath, [program("import"), "products", name, ...on(other)], {
      env: { ...process.env, INIT_CWD: folder },
      stdio: "ignore",
    });
    await vi.waitUntil(() => existsSync(state), { timeout: 50_000, interval: 5 });
    await expect(imported(other, "products", name)).rejects.toThrow("imported by another process");
    child.kill("SIGKILL");
    await once(child, "exit");
    const { line } = JSON.parse(readFileSync(state, "utf8")) as { line: number };
    expect(line).toBeLessThan(ROWS + 1);

    const again = await run("import", ["products", name, ...on(other)]);
    expect(again.code).toBe(1);
    const bad = Array.from({ length: ROWS / 50 }, (_, at) => 50 * (at + 1) + 1);
    const good = ROWS - bad.length;
    const [, created, unchanged] =
      /^(?:\d+) of \d+ lines: (\d+) created, 0 updated, (\d+) unchanged, \d+ refused$/m.exec(
        again.stderr,
      ) ?? [];
    expect(again.stderr).toContain(`${ROWS} of ${ROWS} lines: `);
    expect(again.stderr).toContain(` ${bad.length} refused\n`);
    expect(Number(created) + Number(unchanged)).toBe(good);
    expect(Number(created)).toBeGreaterThanOrEqual(32);
    const report = readFileSync(join(folder, "kill.csv.refused.csv"), "utf8").split("\n");
    expect(report.slice(1, -1).map((each) => each.split(",")[0])).toEqual(bad.map(String));
    const brought = async () =>
      (await listOf(other, "products")).filter(({ category }) => category === `Kill${sku("")}`);
    expect(await brought()).toHaveLength(good);

    const { counts: third } = await imported(other, "products", name);
    expect(third).toEqual({ created: 0, updated: 0, unchanged: good, refused: bad.length });
    expect(await brought()).toHaveLength(good);
  }, 240_000);

  test("ends at what would refuse every line, and continues from there", async () => {
    const csv = `name,price,category,sku\nA,1,Pens,${sku("a")}\n`;
    const name = file("token.csv", csv);
    const token = other.token({ sub: "ana", scope: "read:products" });
    const refused = await run("import", ["products", name, ...on(other)], {
      STOCKWIRE_TOKEN: token,
    });
    expect(refused).toMatchObject({ code: 1, stderr: "the server answered 403: Forbidden\n" });
    const gone = await run("import", [
      "products",
      name,
      "--url",
      "http://127.0.0.1:1",
      "--token",
      "x",
    ]);
    expect(gone).toEqual({
      code: 1,
      stdout: "",
      stderr: "no server answers at http://127.0.0.1:1\n",
    });
    expect((await imported(other, "products", name)).counts).toMatchObject({ created: 1 });
  }, 120_000);

  test("waits where a server limits its caller", async () => {
    const engine = / (http:\S+) \(region/.exec(other.output.join("\n"))?.[1] ?? "";
    const host = await startNode({
      AWS_ENDPOINT_URL_DYNAMODB: engine,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      DATA_TABLE: "stockwire-Data",
      CHANGES_TABLE: "stockwire-Changes",
      CONNECTIONS_TABLE: "stockwire-Connections",
      CURSOR_SECRET: "a secret of this test that is long enough",
      JWT_ISSUER: other.url,
      CALLER_RATE: "20",
      CALLER_BURST: "4",
      LOG_LEVEL: "info",
    });
    onTestFinished(() => host.close());
    const rows = Array.from({ length: 10 }, (_, at) => `P,1,Slow,${sku(String(at))}`);
    const name = file("slow.csv", ["name,price,category,sku", ...rows].join("\n"));
    const env = { STOCKWIRE_TOKEN: other.token({ sub: "ana", scope: "admin" }) };
    const result = await run("import", ["products", name, "--url", host.url], env);
    expect(result.stderr).toMatch(
      /^10 of 10 lines: 10 created, 0 updated, 0 unchanged, 0 refused$/m,
    );
    expect(host.output.filter((line) => line.includes('"status":429')).length).toBeGreaterThan(0);
  }, 120_000);

  test(`takes no more memory for ${LINES} lines of 4 kB`, async () => {
    const text = "x".repeat(3_990);
    const good = (at: number) => `P,1,Big,${text},${sku(String(at))}\n`;
    const rows = Array.from({ length: LINES }, (_, at) => (at % 500 ? `P,${text}\n` : good(at)));
    const name = file("big.csv", `name,price,category,description,sku\n${rows.join("")}`);
    // Node itself and its libraries take 15 MB; the file would need as much as it is large, or more.
    const flags = [`--max-old-space-size=${HEAP}`];
    const result = await run("import", ["products", name, ...on(other)], {}, flags);
    const made = LINES / 500;
    expect(result.stderr).toContain(`${LINES} of ${LINES} lines: ${made} created, `);
    expect(result.stderr).toContain(` ${LINES - made} refused\n`);
    const out = await run("export", ["products", "--out", "big.jsonl", ...on(other)], {}, flags);
    expect(out.stderr).toMatch(/\d+ records in .*big\.jsonl\n$/);
  }, 240_000);
});

test("a server that redirects does not make the token or a record go elsewhere", async () => {
  const received: string[] = [];
  const elsewhere = await serve((req, res) => {
    received.push(`${req.method} ${req.url} ${req.headers.authorization}`);
    res.end("{}");
  });
  const redirecting = await serve((req, res) => {
    res.writeHead(307, { location: elsewhere + req.url }).end();
  });
  const name = file("redirected.jsonl", '{"type":"note"}\n');
  const given = ["--url", redirecting, "--token", "secret"];
  for (const [command, ...args] of [
    ["import", "items", name],
    ["export", "items"],
  ] as const) {
    const { code, stderr } = await run(command, [...args, ...given]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("307")]);
  }
  expect(received).toEqual([]);
});

describe("a wrong command line is one line", () => {
  test.each<[string, string[], string]>([
    ["export", ["reservations"], "name one of"],
    ["export", ["users", "--url", "https://example.com"], "a token is needed"],
    ["export", ["users", "--url", "http://localhost:1"], "No server of this folder runs on port 1"],
    [
      "import",
      ["users", "a.csv", "--token", "x", "--port", "1"],
      "no server answers at http://localhost:1",
    ],
  ])("npm run %s -- %j", async (name, args, message) => {
    const { code, stdout, stderr } = await run(name, args);
    expect([code, stdout, stderr.trim().split("\n").length]).toEqual([1, "", 1]);
    expect(stderr).toContain(message);
  });

  test("npm's heading does not get into a file", async () => {
    const env = { npm_lifecycle_event: "export", npm_config_loglevel: "notice" };
    expect((await run("export", ["users", ...on(one)], env)).stderr).toContain("npm run -s export");
  });
});
