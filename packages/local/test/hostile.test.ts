/** Whatever a client sends, the answer is documented, and no other record changes. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@stockwire/core/id";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RawResponse, request } from "@stockwire/gateway/cases/raw-http";
import { routes } from "@stockwire/functions/api/policy";
import { createKey, keyFileOf } from "../partner/key-file.ts";
import { address } from "./drivers.ts";
import { onSharedEngine, type RunningLaptop, startLaptop } from "./laptop.ts";

const corpus = <T>(name: string): T[] => {
  const owner = name === "hostile-paths" ? "gateway" : "core";
  const file = new URL(`../../${owner}/test/corpora/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { items: T[] }).items;
};

/** Long corpora: each tenth input is sent. test:stress sends all of them. */
const SHARE = Number(process.env["HOSTILE_SHARE"] ?? 10);

const strings = [
  ...corpus<string>("naughty-strings"),
  ...corpus<{ value: string }>("hostile-strings").map(({ value }) => value),
];

/** Less is sent to the second, since they have one app: `less` divides what is sent. */
const APIS = [
  { api: "the HTTP API", base: "", less: 1 },
  { api: "the Partner API", base: "/partner", less: SHARE === 1 ? 1 : 4 },
];
const KEYS = 4; // so that no quota ends
const keys: string[] = [];
let count = 0;

let folder: string;
let laptop: RunningLaptop;
let port: number;
let authorization: string;
let other: { path: string; before: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-hostile-"));
  for (let n = 0; n < KEYS; n++) {
    keys.push((await createKey(keyFileOf(folder), { name: `k${n}`, plan: "production" })).value);
  }
  laptop = await startLaptop({
    args: ["--no-seed"],
    env: { ...onSharedEngine(), LOG_LEVEL: "info" },
    dataDir: folder,
  });
  port = Number(new URL(laptop.url).port);
  authorization = `Bearer ${laptop.token({ sub: "mallory", scope: "admin" })}`;
  const made = await send(
    "POST",
    "/users",
    JSON.stringify({ name: "By Stander", email: address() }),
  );
  const path = header(made, "location");
  other = { path, before: (await send("GET", path)).body.toString() };
});

afterAll(async () => {
  expect((await send("GET", other.path)).body.toString()).toBe(other.before);
  expect((await send("GET", "/health")).status).toBe(200);
  for (const line of laptop.output) {
    if (line.startsWith("{")) expect(() => JSON.parse(line) as unknown).not.toThrow();
  }
  expect(laptop.output.filter((line) => line.includes('"level":"ERROR"'))).toEqual([]);
  await laptop.close();
  await rm(folder, { recursive: true });
});

const header = ({ headers }: RawResponse, name: string): string =>
  headers.find(([given]) => given.toLowerCase() === name)?.[1] ?? "";

const send = (
  method: string,
  target: string,
  body?: string | Buffer,
  more: readonly (readonly [string, string])[] = [],
): Promise<RawResponse> =>
  request(port, {
    method,
    target,
    headers: [
      ["Authorization", authorization],
      ...(target.startsWith("/partner/")
        ? [["x-api-key", keys[count++ % KEYS] ?? ""] as const]
        : []),
      ...(body === undefined || more.some(([name]) => name === "Content-Type")
        ? []
        : [["Content-Type", "application/json"] as const]),
      ...more,
    ],
    body: body === undefined ? undefined : Buffer.from(body),
  });

const GATEWAY_MESSAGE = /^\{"message": ?"[A-Z][A-Za-z ]+"\}$/;

/** Fails unless this is a success, a problem of the contract, or a refusal by the gateway. */
function expectDocumented(what: string, { status, body, headers }: RawResponse): void {
  const text = body.toString();
  if (status >= 500 || status < 200) expect.fail(`${what}: ${status} ${text}`);
  if (status < 400 || text === "") return;
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (type.startsWith("application/problem+json")) {
    const problem = JSON.parse(text) as { status: number; code: string };
    expect([what, problem.status, typeof problem.code]).toEqual([what, status, "string"]);
  } else if (!GATEWAY_MESSAGE.test(text)) expect.fail(`${what}: ${status} ${text}`);
}

async function each<T>(inputs: readonly T[], work: (input: T) => Promise<void>): Promise<void> {
  const queue = inputs.values();
  const worker = async () => {
    for (const input of queue) await work(input);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

interface Generated {
  open?: string;
  close?: string;
  core?: string;
  kind?: "wide" | "array" | "dup" | "longkey" | "longnum";
  n: number;
}

/** Builds the body that a description from the corpus stands for. */
function generate({ open = "", close = "", core = "", kind, n }: Generated): string {
  switch (kind) {
    case "wide":
      return `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(",")}}`;
    case "array":
      return `[${"1,".repeat(n - 1)}1]`;
    case "dup":
      return `{${Array.from({ length: n }, () => '"a":1').join(",")}}`;
    case "longkey":
      return `{"${"k".repeat(n)}":1}`;
    case "longnum":
      return `{"a":${"1".repeat(n)}}`;
    default:
      return open.repeat(n) + core + close.repeat(n);
  }
}

const targetOf = (path: string) => path.replaceAll(/\{\w+\}/g, "none");

/** The routes that an API has. */
const routesOf = (base: string) =>
  base === "" ? routes : routes.filter(({ partner }) => partner !== "none");

test.each(APIS)(
  "no hostile body causes a server error, at any route of $api",
  async (given) => {
    const { base, less } = given;
    const bodies = corpus<{ id: string; gen?: Generated; raw?: string; b64?: string }>(
      "json-bodies",
    );
    expect(bodies).toHaveLength(38);
    const writable = routesOf(base).filter(({ body }) => body !== undefined);
    for (const [n, { method, path }] of writable.entries()) {
      const some = bodies.filter((_, at) => (n + at) % (Math.min(SHARE, 3) * less) === 0);
      await each(some, async ({ id, gen, raw, b64 }) => {
        const body = gen ? generate(gen) : b64 ? Buffer.from(b64, "base64") : (raw ?? "");
        const answer = await send(method, base + targetOf(path), body);
        expectDocumented(`${method} ${base}${path} ${id}`, answer);
        const isAllowed = path.startsWith("/items") && answer.status === 201;
        if (answer.status < 400 && !isAllowed && answer.status !== 207) {
          expect.fail(`${method} ${path} took ${id} with ${answer.status}`);
        }
      });
    }
  },
  120_000,
);

test("bodies of ten megabytes and more are refused before they are parsed", async () => {
  for (const bytes of [10 * 1024 * 1024, 10 * 1024 * 1024 + 1]) {
    const answer = await send("POST", "/items", `{"a":"${"x".repeat(bytes - 8)}"}`);
    expect(answer.status).toBe(413);
  }
});

test("JSONTestSuite: texts that a parser must reject are 400, accepted ones are returned unchanged", async () => {
  const vectors = corpus<{ id: string; expect: string; b64: string }>("json-parsing");
  await each(vectors, async ({ id, expect: verdict, b64 }) => {
    const bytes = Buffer.from(b64, "base64");
    const bare = await send("POST", "/items", bytes);
    expectDocumented(id, bare);
    if (verdict === "reject") expect([400, 413], id).toContain(bare.status);

    const inside = Buffer.concat([Buffer.from('{"value":'), bytes, Buffer.from("}")]);
    const answer = await send("POST", "/items", inside);
    expectDocumented(`${id} inside an item`, answer);
    if (answer.status !== 201) return;
    const stored = await send("GET", header(answer, "location"));
    const { value } = JSON.parse(stored.body.toString()) as { value: unknown };
    const sent = JSON.parse(inside.toString()) as { value: unknown };
    expect([id, value]).toEqual([id, sent.value]);
  });
}, 120_000);

test("every hostile string in an item is returned unchanged or refused", async () => {
  let kept = 0;
  await each(strings, async (string) => {
    const item = { value: string, nested: [{ [string]: string }], type: string };
    const answer = await send("POST", "/items", JSON.stringify(item));
    expectDocumented(JSON.stringify(string).slice(0, 60), answer);
    if (answer.status !== 201) return expect([400, 413]).toContain(answer.status);
    kept++;
    const stored = JSON.parse(
      (await send("GET", header(answer, "location"))).body.toString(),
    ) as object;
    expect(stored).toMatchObject(item);
  });
  expect(kept).toBeGreaterThan(580);
}, 120_000);

test("hostile strings as members of a user, a product or a stock level are stored or refused", async () => {
  await each(
    strings.filter((_, n) => n % SHARE === 0),
    async (string) => {
      const what = JSON.stringify(string).slice(0, 60);
      const named = await send(
        "POST",
        "/users",
        JSON.stringify({ name: string, email: address() }),
      );
      expectDocumented(what, named);
      if (named.status === 201) {
        const { name } = JSON.parse(named.body.toString()) as { name: string };
        expect(name).toBe(string.trim().normalize("NFC"));
      }
      for (const body of [
        { name: "x".repeat(5), email: string },
        { name: "John", email: address(), phone: string },
        { name: "John", email: address(), [string]: string },
      ]) {
        expectDocumented(what, await send("POST", "/users", JSON.stringify(body)));
      }
      const product = { name: string, price: 1, category: string, description: string };
      const made = await send("POST", "/products", JSON.stringify(product));
      expectDocumented(what, made);
      if (made.status === 201) {
        const { name, category } = JSON.parse(made.body.toString()) as {
          name: string;
          category: string;
        };
        expect([name, category]).toEqual([
          string.trim().normalize("NFC"),
          string.trim().normalize("NFC"),
        ]);
        const list = await send(
          "GET",
          `/products?limit=1&category=${encodeURIComponent(category)}`,
        );
        expect(list.status).toBe(200);
        await send("DELETE", header(made, "location"));
      }
      expectDocumented(
        what,
        await send("PUT", "/inventory/none", JSON.stringify({ quantity: string })),
      );
    },
  );
}, 120_000);

const wellFormed = strings.filter((string) => string.isWellFormed() && string.length < 2_000);

test.each(APIS)(
  "a hostile string as an id, a parameter, a cursor or a header of $api is refused or finds nothing",
  async (given) => {
    const { base, less } = given;
    await each([...wellFormed.entries()], async ([n, string]) => {
      // Each string in some of the places, and each place with some of the strings.
      const some = <T>(places: readonly T[]) =>
        places.filter((_, at) => (n + at) % (SHARE * less) === 0);
      const what = JSON.stringify(string).slice(0, 60);
      const encoded = encodeURIComponent(string);
      for (const path of some([
        `/users/${encoded}`,
        `/items/${encoded}`,
        `/products?limit=${encoded}`,
      ])) {
        const answer = await send("GET", base + path);
        expectDocumented(`${path} ${what}`, answer);
        const list = string.trim() === "" && !path.includes("?");
        if (answer.status === 200 && !list && !/^\d+$/.test(string))
          expect.fail(`${path} found something`);
      }
      for (const path of some([
        `/hello?name=${encoded}`,
        `/products?nextToken=${encoded}`,
        `/products?${encoded}=1`,
      ])) {
        expectDocumented(`${path} ${what}`, await send("GET", base + path));
      }
      const visible = string.replaceAll(/[^\u0020-\u007e\u0080-\u00ff]/g, "").trim();
      for (const name of some([
        "If-Match",
        "If-None-Match",
        "Idempotency-Key",
        "X-Request-Id",
        "X-Client-Ref",
      ])) {
        const answer = await send("DELETE", `${base}/users/none`, undefined, [[name, visible]]);
        expectDocumented(`${name} ${what}`, answer);
        if (name === "X-Request-Id" && !/^[\w.-]{8,64}$/.test(visible)) {
          expect(header(answer, "x-request-id")).not.toBe(visible);
        }
      }
    });
  },
  240_000,
);

test.each(APIS)(
  "no variant of a path of $api gives access without a token",
  async (given) => {
    const { base, less } = given;
    const variants = corpus<{ t: string }>("hostile-paths").map(({ t }) => t);
    for (const [n, { method, path, access, body }] of routesOf(base).entries()) {
      const p = base + targetOf(path);
      const last = p.split("/").at(-1) ?? "";
      const enc1 = p.replace(/[a-z](?=[^/]*$)/, (char) => `%${char.charCodeAt(0).toString(16)}`);
      for (const variant of variants.filter((_, at) => (n + at) % (SHARE * less) === 0)) {
        const target = variant.replace("{p}", p).replace("{last}", last).replace("{enc1}", enc1);
        const answer = await request(port, {
          method,
          target: target.replace("#", "%23"),
          headers: body ? [["Content-Type", "application/json"]] : [],
          body: body && Buffer.from("{}"),
        });
        expectDocumented(`${method} ${target}`, answer);
        const open = access === "open";
        if (answer.status < 400 && !open)
          expect.fail(`${method} ${target} answered ${answer.status}`);
      }
    }
  },
  120_000,
);

test("an Idempotency-Key that looks like another caller's does not match it", async () => {
  const key = newId();
  const as = (sub: string, idempotencyKey: string) =>
    request(port, {
      method: "POST",
      target: "/items",
      headers: [
        ["Authorization", `Bearer ${laptop.token({ sub, scope: "admin" })}`],
        ["Content-Type", "application/json"],
        ["Idempotency-Key", idempotencyKey],
      ],
      body: Buffer.from("{}"),
    });
  const first = await as("a", `b#${key}`);
  const second = await as("a#b", key);
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(header(second, "location")).not.toBe(header(first, "location"));
});
