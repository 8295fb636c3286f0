/** Stock through the HTTP API: many concurrent clients, and processes that are killed. */

import { newId } from "@stockwire/core/id";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { onOwnEngine, onSharedEngine, type RunningLaptop, startLaptop } from "./laptop.ts";

const ROUNDS = Number(process.env["STRESS_ROUNDS"] ?? 1); // of 500 concurrent reservations
const PATIENCE = 60_000 + ROUNDS * 10_000; // ms
const KILLS = Number(process.env["STRESS_KILLS"] ?? 2);
const POLL = 5; // ms between two looks; without a pause they would take a core from the server

/** For the tests that need no laptop of their own. */
let shared: RunningLaptop;
beforeAll(async () => {
  shared = await startLaptop({ args: ["--no-seed"], env: onSharedEngine() });
});
afterAll(() => shared.close());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Answer {
  status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read any answer
  json: any;
}

/** Sends a request with the scopes for stock, and no others. */
async function send(
  laptop: RunningLaptop,
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<Answer> {
  const scope = "write:products read:inventory write:inventory reserve:inventory";
  const answer = await fetch(laptop.url + path, {
    method,
    headers: {
      authorization: `Bearer ${laptop.token({ sub: "ana", scope })}`,
      ...(body && { "content-type": "application/json" }),
      ...(key && { "idempotency-key": key }),
    },
    body: body ? JSON.stringify(body) : null,
  });
  return { status: answer.status, json: await answer.json() };
}

async function stocked(laptop: RunningLaptop, initialQuantity: number): Promise<string> {
  const pen = { name: "Pen", price: 1, category: "pens", initialQuantity };
  const { status, json } = await send(laptop, "POST", "/products", pen);
  expect(status).toBe(201);
  return json.id;
}

const levelOf = async (laptop: RunningLaptop, productId: string) =>
  (await send(laptop, "GET", `/inventory/${productId}`)).json;

interface Reservation {
  id: string;
  status: string;
  lines: { productId: string; quantity: number }[];
  version: number;
}

/** All pages of a list of reservations. */
async function reservations(laptop: RunningLaptop, filter: string): Promise<Reservation[]> {
  const found: Reservation[] = [];
  for (let token = ""; ;) {
    const path = `/reservations?limit=100${filter}${token && `&nextToken=${token}`}`;
    const { status, json } = await send(laptop, "GET", path);
    expect(status).toBe(200);
    found.push(...json.items);
    if (json.nextToken === null) return found;
    token = encodeURIComponent(json.nextToken);
  }
}

const idsOf = (of: readonly Reservation[]): string[] => of.map(({ id }) => id).toSorted();

const unitsOf = (productId: string, of: readonly Reservation[]): number =>
  of
    .flatMap(({ lines }) => lines)
    .filter((line) => line.productId === productId)
    .reduce((sum, { quantity }) => sum + quantity, 0);

test(
  `500 concurrent reservations on a stock of 100 reserve exactly 100 units, in ${ROUNDS} rounds`,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const productId = await stocked(shared, 100);
      const body = { lines: [{ productId, quantity: 1 }] };
      const answers = await Promise.all(
        Array.from({ length: 500 }, () => send(shared, "POST", "/reservations", body)),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(100);
      for (const { status, json } of answers) {
        if (status === 201) continue;
        expect([status, json.code]).toEqual([409, "insufficient_stock"]);
        expect(json.shortages).toEqual([{ productId, requested: 1, available: 0 }]);
      }
      expect(await levelOf(shared, productId)).toMatchObject({
        quantity: 100,
        reserved: 100,
        available: 0,
        level: "out",
      });
      const active = await reservations(shared, `&status=active&productId=${productId}`);
      expect(active).toHaveLength(100);
      expect(unitsOf(productId, active)).toBe(100);
    }
  },
  PATIENCE,
);

test("an extension moves the expiry, and a closed reservation is refused", async () => {
  const productId = await stocked(shared, 3);
  const { json } = await send(shared, "POST", "/reservations", {
    lines: [{ productId, quantity: 2 }],
  });
  const path = `/reservations/${json.id}`;
  const extensions = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      send(shared, "POST", `${path}/extend`, { ttlSeconds: 1_000 + n }),
    ),
  );
  expect(new Set(extensions.map(({ status }) => status))).toEqual(new Set([200]));
  const longest = Math.max(...extensions.map((each) => Date.parse(each.json.expiresAt)));
  const extended = (await send(shared, "GET", path)).json;
  expect(Date.parse(extended.expiresAt)).toBe(longest);
  const ends = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      send(shared, "POST", `${path}/${n % 2 ? "confirm" : "cancel"}`),
    ),
  );
  const { status } = (await send(shared, "GET", path)).json;
  const winner = status === "confirmed" ? 1 : 0;
  for (const [n, end] of ends.entries()) {
    if (n % 2 === winner) expect([end.status, end.json.status]).toEqual([200, status]);
    else expect([end.status, end.json.code]).toEqual([409, "reservation_closed"]);
  }
  const sold = winner === 1 ? 2 : 0;
  expect(await levelOf(shared, productId)).toMatchObject({ quantity: 3 - sold, reserved: 0 });
}, 120_000);

interface Done {
  verb: "adjust" | "reserve" | "confirm" | "cancel";
  path: string;
  body: object | undefined;
  answer: Answer;
}

/** Clients that send requests until they are stopped, and retry each one until its outcome is known. */
function shoppers(of: () => RunningLaptop, products: readonly string[]) {
  const done: Done[] = [];
  const held: string[] = [];
  let shopping = true;

  const settle = async (path: string, body: object | undefined): Promise<Answer> => {
    const key = newId();
    for (;;) {
      // A process that is being killed answers 503 or not at all.
      const answer = await send(of(), "POST", path, body, key).catch(() => undefined);
      if (answer && answer.status !== 503) return answer;
      await pause(POLL);
    }
  };

  const shop = async (name: number) => {
    for (let n = name; shopping; n++) {
      const productId = products[n % products.length];
      const other = products[(n + 1) % products.length];
      const id = held[(n * 7) % (held.length || 1)];
      const quantity = 1 + (n % 3);
      const lines = [
        { productId, quantity },
        ...(n % 2 ? [{ productId: other, quantity: 1 }] : []),
      ];
      const [verb, path, body] =
        n % 5 === 0
          ? (["adjust", `/inventory/${productId}/adjustments`, adjustment(n)] as const)
          : n % 5 < 3 || id === undefined
            ? (["reserve", "/reservations", { lines, ttlSeconds: 86_400 }] as const)
            : n % 5 === 3
              ? (["confirm", `/reservations/${id}/confirm`, undefined] as const)
              : (["cancel", `/reservations/${id}/cancel`, undefined] as const);
      const answer = await settle(path, body);
      done.push({ verb, path, body, answer });
      if (verb === "reserve" && answer.status === 201) held.push(answer.json.id);
    }
  };
  const adjustment = (n: number) => ({ delta: n % 2 ? 7 : -1, reason: "counted" });

  const all = Promise.all(Array.from({ length: 8 }, (_, name) => shop(name)));
  return {
    done,
    reaches: async (count: number) => {
      while (done.length < count) await pause(POLL);
    },
    stop: async () => {
      shopping = false;
      await all;
    },
  };
}

test(`kill -9 of server or engine, ${KILLS} times, applies each request once and leaves the stock exact`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-stress-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const start = (port: string) =>
    startLaptop({ args: ["--no-seed", "--port", port], env: onOwnEngine, dataDir: folder });
  let laptop = await start("0");
  const { port } = new URL(laptop.url);
  closing.push(() => laptop.close());

  const products = [];
  for (const quantity of [50, 100, 200]) products.push(await stocked(laptop, quantity));
  const { done, reaches, stop } = shoppers(() => laptop, products);
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await reaches(done.length + 1 + Math.floor(Math.random() * 40));
      if (kill % 2) {
        const record = await readFile(join(folder, "engine.pid"), "utf8");
        process.kill(Number(record.match(/\d+/)?.[0]), "SIGKILL");
      } else {
        laptop.kill("SIGKILL");
        await laptop.ended;
        laptop = await start(port);
      }
    }
    await reaches(done.length + 40);
  } finally {
    await stop();
  }

  const refusals: Record<Done["verb"], string[]> = {
    adjust: ["insufficient_stock"],
    reserve: ["insufficient_stock"],
    confirm: ["reservation_closed"],
    cancel: ["reservation_closed"],
  };
  for (const { verb, answer } of done) {
    if (answer.status < 300) continue;
    expect(answer.status).toBe(409);
    expect(refusals[verb]).toContain(answer.json.code);
  }
  const succeeded = done.filter(({ answer }) => answer.status < 300);

  const all = await reservations(laptop, "");
  const made = succeeded.filter(({ verb }) => verb === "reserve");
  expect(idsOf(all)).toEqual(idsOf(made.map(({ answer }) => answer.json as Reservation)));
  const isDone = (verb: Done["verb"], id: string) =>
    succeeded.some((each) => each.verb === verb && each.path.includes(id));
  for (const { id, status, version } of all) {
    expect([id, status === "confirmed"]).toEqual([id, isDone("confirm", id)]);
    expect([id, status === "cancelled"]).toEqual([id, isDone("cancel", id)]);
    expect([id, version]).toEqual([id, status === "active" ? 1 : 2]);
  }

  for (const [n, productId] of products.entries()) {
    const deltas = succeeded
      .filter(({ verb, path }) => verb === "adjust" && path.includes(productId))
      .map(({ body }) => (body as { delta: number }).delta);
    const active = await reservations(laptop, `&status=active&productId=${productId}`);
    const confirmed = all.filter(({ status }) => status === "confirmed");
    const touching = all.filter(({ lines }) => lines.some((line) => line.productId === productId));
    const quantity =
      deltas.reduce((sum, delta) => sum + delta, [50, 100, 200][n] ?? 0) -
      unitsOf(productId, confirmed);
    const reserved = unitsOf(productId, active);
    expect(idsOf(active)).toEqual(idsOf(touching.filter(({ status }) => status === "active")));
    expect(reserved).toBeLessThanOrEqual(quantity);
    expect(await levelOf(laptop, productId)).toMatchObject({
      quantity,
      reserved,
      available: quantity - reserved,
      version:
        1 +
        deltas.length +
        touching.reduce((sum, { status }) => sum + (status === "active" ? 1 : 2), 0),
    });
  }
  const program = new URL("../commands/check-stock.ts", import.meta.url).pathname;
  await promisify(execFile)(process.execPath, [program, "--port", port]); // throws if it ends with 1
}, 300_000);
