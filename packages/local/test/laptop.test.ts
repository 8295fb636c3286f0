/**
 * `npm run dev` as a user runs it, each with a data folder and an engine of its own. A start takes more
 * than a second of CPU, so tests that need the same laptop share one.
 */

import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { execFileSync } from "node:child_process";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { createLive } from "@stockwire/client/live";
import { newId } from "@stockwire/core/id";
import { fidelityReport } from "@stockwire/gateway/fidelity";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { onOwnEngine, type RunningLaptop, startLaptop } from "./laptop.ts";
import { runProgram } from "./program.ts";

/** Kills in each test of lost writes; test:stress kills more often. */
const KILLS = process.env["STRESS_KILLS"] === undefined ? 2 : 8;

const POLL = 5; // ms between two looks; without a pause they would take a core from the server

const local = (file: string) => new URL(`../${file}`, import.meta.url).pathname;

let folder: string;
const running: RunningLaptop[] = [];

const open = async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-dev-"));
};
const end = async () => {
  await Promise.all(running.splice(0).map((laptop) => laptop.close()));
  await rm(folder, { recursive: true, force: true });
};

const start = async (args: string[] = [], env: Record<string, string> = {}) => {
  const laptop = await startLaptop({ args, env: { ...onOwnEngine, ...env }, dataDir: folder });
  running.push(laptop);
  return laptop;
};

/** Runs a program to its end. */
const run = (file: string, args: string[], env: Record<string, string | undefined> = {}) =>
  runProgram(local(file), args, { env: { ...process.env, ...onOwnEngine, ...env } });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

const get = (laptop: RunningLaptop, path: string) =>
  fetch(laptop.url + path, {
    headers: { authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}` },
  });

const post = (laptop: RunningLaptop, path: string, body: object, key?: string) =>
  fetch(laptop.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}`,
      "content-type": "application/json",
      ...(key && { "idempotency-key": key }),
    },
    body: JSON.stringify(body),
  });

const engines = (): string[] => {
  const all = execFileSync("ps", ["-eo", "args"]).toString().split("\n");
  return all.filter((line) => line.includes(folder) && !line.includes("main.ts"));
};

describe("npm run dev", () => {
  let laptop: RunningLaptop;
  beforeAll(async () => {
    await open();
    laptop = await start();
  });
  afterAll(end);

  test("a new data folder has demo users and stock, which a token gives access to", async () => {
    const { items } = (await (await get(laptop, "/users?order=asc")).json()) as {
      items: { email: string }[];
    };
    expect(items.map(({ email }) => email)).toEqual(["john@example.com", "jane@example.com"]);
    const levels = (await (await get(laptop, "/inventory")).json()) as {
      items: { quantity: number }[];
    };
    expect(levels.items.map(({ quantity }) => quantity)).toContain(1);
    expect(
      ((await (await get(laptop, "/items")).json()) as { count: number }).count,
    ).toBeGreaterThan(0);
    const { port } = new URL(laptop.url);
    const { stdout } = await run("commands/token.ts", ["--scope", "read:users", "--port", port]);
    const answer = await fetch(`${laptop.url}/me`, {
      headers: { authorization: `Bearer ${stdout.trim()}` },
    });
    expect(await answer.json()).toMatchObject({ scopes: ["read:users"] });
  });

  test("a used port, a locked or unwritable folder, a bad option: one clear line and exit code 1", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const { port } = blocker.address() as { port: number };
    const file = join(folder, "file");
    await writeFile(file, "");
    const refusals: [args: string[], line: RegExp][] = [
      [
        ["--port", String(port), "--data", join(folder, "other")],
        new RegExp(`port ${port} is in use`),
      ],
      [["--port", "0", "--data", join(file, "below")], /below/],
      [["--port", "0", "--data", "/proc/stockwire/below"], /\/proc\/stockwire.*cannot be written/],
      [["--port", "0", "--data", folder], new RegExp(`${laptop.pid}`)],
      [["--port", "0", "--data", folder, "--watch"], new RegExp(`process ${laptop.pid}`)],
      [["--port", "99999"], /--port/],
      [["--prot", "1"], /--prot/],
      [["--partner-deny", "203.0.113.0/24,10.0.0.0/33"], /--partner-deny/],
      [["--partner-quota", "many"], /--partner-quota/],
      [["--engine-port", "99999"], /--engine-port/],
      [
        ["--engine-port", String(port), "--port", "0", "--data", join(folder, "other")],
        new RegExp(`port ${port}.*EADDRINUSE`),
      ],
    ];
    const runs = refusals.map(async ([args, line]) => {
      const { code, stderr } = await run("main.ts", args);
      expect([args, code]).toEqual([args, 1]);
      if (!args.includes("--watch")) expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(stderr).toMatch(line);
    });
    await Promise.all(runs);
    blocker.close();
  });

  test("SIGINT ends the server and the engine with exit code 0; after a restart deleted records stay deleted and tokens stay valid", async () => {
    const token = laptop.token({ sub: "ana", scope: "admin" });
    const { items } = (await (await get(laptop, "/users")).json()) as { items: { id: string }[] };
    const headers = { authorization: `Bearer ${token}` };
    await fetch(`${laptop.url}/users/${items[0]?.id}`, { method: "DELETE", headers });
    const { port } = new URL(laptop.url);
    expect(engines().length).toBeGreaterThan(0);
    laptop.kill("SIGINT");
    expect(await laptop.ended).toBe(0);
    expect(engines()).toEqual([]);
    const again = await start(["--port", port]);
    const answer = await fetch(`${again.url}/users`, { headers });
    expect(((await answer.json()) as { count: number }).count).toBe(1);
  });
});

describe("npm run dev -- --no-seed --engine-port N", () => {
  let laptop: RunningLaptop;
  let enginePort: number;
  beforeAll(async () => {
    await open();
    enginePort = await freePort();
    laptop = await start(["--no-seed", "--engine-port", String(enginePort)]);
  });
  afterAll(end);

  test("the printed URL leads to everything the server has, as a page or as JSON", async () => {
    const page = await fetch(laptop.url, { headers: { accept: "text/html,*/*" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    for (const [, path = ""] of (await page.text()).matchAll(/href="(\/[^"]*)"/g)) {
      expect([path, (await fetch(laptop.url + path)).status]).toEqual([path, 200]);
    }
    const index = await fetch(laptop.url);
    expect(index.headers.get("content-type")).toMatch(/^application\/json/);
    const { live, partner, token, ...pages } = (await index.json()) as Record<string, string>;
    expect([live, partner, token]).toEqual([
      "/live",
      "/partner",
      expect.stringMatching(/^npm run /),
    ]);
    expect(Object.keys(pages)).toContain("openapi");
    for (const path of Object.values(pages)) {
      expect([path, (await fetch(laptop.url + path)).status]).toEqual([path, 200]);
    }
    expect((await fetch(laptop.url, { method: "POST" })).status).toBe(404);
  });

  test("what is printed about DynamoDB is enough to read its tables", async () => {
    const line = laptop.output.find((each) => each.startsWith("DynamoDB:")) ?? "";
    const [, endpoint = "", region = "", accessKeyId = "", secretAccessKey = ""] =
      /^DynamoDB: +(\S+) \(region (\S+), access key (\S+), secret key (\S+)\)$/.exec(line) ?? [];
    expect(endpoint).toBe(`http://127.0.0.1:${enginePort}`);
    const client = new DynamoDBClient({
      endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
    });
    const { TableNames } = await client.send(new ListTablesCommand({}));
    client.destroy();
    expect(TableNames).toContain("stockwire-Data");
  });

  test("npm run seed creates missing records only", async () => {
    expect(((await (await get(laptop, "/users")).json()) as { count: number }).count).toBe(0);
    const { port } = new URL(laptop.url);
    expect(await run("commands/seed.ts", ["--port", port])).toMatchObject({
      stdout: "11 records are new\n",
      stderr: expect.stringMatching(/^11 of 11 records: 11 new\n$/m),
    });
    expect((await run("commands/seed.ts", ["--port", port])).stdout).toBe("0 records are new\n");
  });

  test("SIGTERM ends the server and the engine with exit code 0, and a poll that waits gets an answer", async () => {
    const poll = request(`${laptop.url}/changes?topic=items&wait=20`, {
      headers: {
        authorization: `Bearer ${laptop.token({ sub: "ana", scope: "admin" })}`,
        expect: "100-continue", // answered when the request has arrived
      },
    }).end();
    const answered = once(poll, "response") as Promise<[IncomingMessage]>;
    await once(poll, "continue");
    expect(engines().length).toBeGreaterThan(0);
    laptop.kill("SIGTERM");
    const [{ statusCode, headers }] = await answered;
    expect([statusCode, headers.connection]).toEqual([503, "close"]);
    expect(await laptop.ended).toBe(0);
    expect(engines()).toEqual([]);
  });
});

describe("npm run dev in another environment", () => {
  beforeEach(open);
  afterEach(end);

  test("AWS settings that the shell exports change nothing", async () => {
    const config = join(folder, "config");
    await writeFile(config, "[profile work]\nregion = eu-west-1\nsso_session = none\n");
    const nowhere = "http://127.0.0.1:9";
    const laptop = await start([], {
      AWS_PROFILE: "work",
      AWS_DEFAULT_PROFILE: "work",
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: config,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "of the company",
      AWS_SESSION_TOKEN: "of the company",
      AWS_ENDPOINT_URL: nowhere,
      AWS_ENDPOINT_URL_DYNAMODB: nowhere,
      AWS_ENDPOINT_URL_DYNAMODB_STREAMS: nowhere,
      AWS_ENDPOINT_URL_SQS: nowhere,
      AWS_CA_BUNDLE: "/none",
      AWS_USE_FIPS_ENDPOINT: "true",
    });
    expect(((await (await get(laptop, "/users")).json()) as { count: number }).count).toBe(2);
    const { cursor } = (await (await get(laptop, "/changes?topic=users")).json()) as {
      cursor: string;
    };
    const next = get(laptop, `/changes?topic=users&wait=10&since=${cursor}`);
    const user = { name: "Mia", email: "mia@example.com" };
    expect((await post(laptop, "/users", user)).status).toBe(201);
    expect(await (await next).text()).toContain("Mia");
  });

  test("--fidelity prints what the gateway emulates, and starts nothing", async () => {
    const args = ["--fidelity", "--port", "0", "--data", folder];
    expect(await run("main.ts", args)).toEqual({
      code: 0,
      stdout: `${fidelityReport()}\n`,
      stderr: "",
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("a setting that the functions refuse is one clear line and exit code 1", async () => {
    const args = ["--port", "0", "--data", folder, "--no-seed"];
    const { code, stderr } = await run("main.ts", args, { LOG_LEVEL: "loud" });
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
    expect(stderr).toMatch(/^Configuration: LOG_LEVEL: .*"debug"/);
  });

  test("if the engine is missing, the error says what to install", async () => {
    const { code, stderr } = await run("main.ts", ["--port", "0", "--data", folder], {
      DYNOXIDE_BIN: "/nowhere/dynoxide",
    });
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
    expect(stderr).toMatch(/dynoxide/);
  });
});

describe("npm run dev -- --watch", () => {
  beforeEach(open);
  afterEach(end);

  const processes = (): string[] => {
    const all = execFileSync("ps", ["-eo", "args"]).toString().split("\n");
    return all.filter((line) => line.includes(folder));
  };
  const expectEnd = async (laptop: RunningLaptop, signal: NodeJS.Signals) => {
    expect(processes().length).toBeGreaterThan(2);
    laptop.kill(signal);
    expect(await laptop.ended).toBe(0);
    expect(processes()).toEqual([]);
  };
  const readyLines = ({ output }: RunningLaptop) =>
    output.filter((line) => line.startsWith("Stockwire is ready"));

  test("after a change of a source the server restarts with its data, and live clients continue; SIGINT ends all processes", async () => {
    const laptop = await start(["--watch", "--no-seed"]);
    expect(laptop.output).toContain("Watching packages/ for changes");
    const live = createLive({
      url: `${laptop.url.replace("http", "ws")}/live`,
      token: () => laptop.token({ sub: "ana", scope: "admin" }),
    });
    onTestFinished(() => live.close());
    const received: string[] = [];
    const subscription = live.subscribe("items", { event: ({ id }) => received.push(id) });
    await subscription.ready;
    const create = async () =>
      ((await (await post(laptop, "/items", {})).json()) as { id: string }).id;
    const before = await create();

    // SST writes declarations into each package; they are no part of the server.
    await appendFile(local("sst-env.d.ts"), "");
    const now = new Date();
    await utimes(local("sst-env.d.ts"), now, now);
    await utimes(local("schedule.ts"), now, now);
    await vi.waitUntil(() => readyLines(laptop).length === 2, { timeout: 30_000 });
    expect(laptop.output).toContain("packages/local/schedule.ts has changed: restarting");
    expect(laptop.output).not.toContain("sst-env.d.ts");
    expect(readyLines(laptop)[1]).toBe(readyLines(laptop)[0]); // the same port
    expect((await get(laptop, `/items/${before}`)).status).toBe(200);
    const after = await create();
    await vi.waitUntil(() => received.length === 2, { timeout: 30_000 });
    expect(received).toEqual([before, after]);
    live.close();
    await expectEnd(laptop, "SIGINT");
  });

  test("SIGTERM ends all processes", async () => {
    const laptop = await start(["--watch", "--no-seed"]);
    await expectEnd(laptop, "SIGTERM");
  });

  test("kill -9 of the watching process ends the server and the engine too", async () => {
    const laptop = await start(["--watch", "--no-seed"]);
    laptop.kill("SIGKILL");
    await vi.waitFor(() => expect(processes()).toEqual([]), { timeout: 50_000 });
  });
});

describe("no acknowledged write is lost", () => {
  beforeEach(open);
  afterEach(end);

  /** Clients that write until they are stopped, and remember the acknowledged writes. */
  function writers(of: () => RunningLaptop) {
    const acknowledged = new Map<string, number>();
    let writing = true;
    const worker = async (name: number) => {
      for (let n = 0; writing; n++) {
        try {
          const answer = await post(of(), "/items", { writer: name, n });
          if (answer.status === 201)
            acknowledged.set(((await answer.json()) as { id: string }).id, n);
          else await answer.body?.cancel();
        } catch {
          await pause(POLL); // the server is down
        }
      }
    };
    const all = Promise.all(Array.from({ length: 8 }, (_, name) => worker(name)));
    return {
      acknowledged,
      reaches: async (count: number) => {
        while (acknowledged.size < count) await pause(POLL);
      },
      stop: async () => {
        writing = false;
        await all;
      },
    };
  }

  const expectAll = async (laptop: RunningLaptop, acknowledged: ReadonlyMap<string, number>) => {
    for (const [id, n] of acknowledged) {
      const answer = await get(laptop, `/items/${id}`);
      expect([id, answer.status]).toEqual([id, 200]);
      expect(((await answer.json()) as { n: number }).n).toBe(n);
    }
  };

  test("after kill -9 of the server during writes: a request retried with its key is applied once, and no request of a partner is forgotten", async () => {
    const args = ["--no-seed", "--partner-quota", String(KILLS)];
    let laptop = await start(args);
    const shown = () => /^An API key: +(\w{40}) /m.exec(laptop.output.join("\n"))?.[1];
    const partnerKey = shown() ?? "";
    const asPartner = async () => {
      const token = laptop.token({ sub: "shop", scope: "read:items" });
      const headers = { authorization: `Bearer ${token}`, "x-api-key": partnerKey };
      const answer = await fetch(`${laptop.url}/partner/items?limit=1`, { headers });
      return answer.status === 200 ? 200 : await answer.text();
    };
    const product = (await (
      await post(laptop, "/products", {
        name: "Pen",
        price: 1,
        category: "Pens",
        initialQuantity: 10_000,
      })
    ).json()) as { id: string };
    const path = `/inventory/${product.id}/adjustments`;
    let sold = 0;
    const sell = async () => {
      const key = newId();
      for (;;) {
        try {
          const answer = await post(laptop, path, { delta: -1, reason: "sold" }, key);
          await answer.body?.cancel();
          if (answer.status === 201) break;
        } catch {
          await pause(POLL);
        }
      }
      sold++;
    };
    let selling = true;
    const seller = async () => {
      while (selling) await sell();
    };
    const sellers = Promise.all(Array.from({ length: 4 }, seller));
    const { acknowledged, reaches, stop } = writers(() => laptop);
    for (let round = 1; round <= KILLS; round++) {
      const until = sold + 40;
      await reaches(acknowledged.size + 60);
      while (sold < until) await pause(POLL);
      expect(await asPartner()).toBe(200);
      laptop.kill("SIGKILL");
      await laptop.ended;
      laptop = await start(args);
      expect(shown()).toBeUndefined(); // only the first start creates a key
    }
    expect(await asPartner()).toBe('{"message":"Limit Exceeded"}');
    selling = false;
    await Promise.all([sellers, stop()]);
    expect(acknowledged.size).toBeGreaterThanOrEqual(60 * KILLS);
    await expectAll(laptop, acknowledged);
    const level = (await (await get(laptop, `/inventory/${product.id}`)).json()) as {
      quantity: number;
    };
    expect(sold).toBeGreaterThanOrEqual(40 * KILLS);
    expect(level.quantity).toBe(10_000 - sold);
  }, 240_000);

  test("after kill -9 of the engine during writes", async () => {
    const laptop = await start(["--no-seed"]);
    const { acknowledged, reaches, stop } = writers(() => laptop);
    for (let round = 1; round <= KILLS; round++) {
      await reaches(acknowledged.size + 60);
      process.kill(
        Number((await readFile(join(folder, "engine.pid"), "utf8")).match(/\d+/)?.[0]),
        "SIGKILL",
      );
    }
    await reaches(acknowledged.size + 60);
    await stop();
    await expectAll(laptop, acknowledged);
  }, 240_000);
});
