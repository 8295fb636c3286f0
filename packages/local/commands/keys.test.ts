import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { APIGatewayClient } from "@aws-sdk/client-api-gateway";
import { createKeyFinder } from "@stockwire/gateway/rest/api-key";
import { dayOf, periodStart } from "@stockwire/gateway/rest/usage-plan";
import { describe, expect, onTestFinished, test } from "vitest";
import { tryLock } from "../file-lock.ts";
import { awsKeys } from "../partner/aws-keys.ts";
import { laptopKeys } from "../partner/key-store.ts";
import { keyFileOf, readKeys, usageFileOf, watchKeys } from "../partner/key-file.ts";
import { cleanEnv, runProgram } from "../test/program.ts";

const PROGRAM = join(import.meta.dirname, "keys.ts");
const folder = () => mkdtempSync(join(tmpdir(), "keys-"));

function run(args: string[], env: Record<string, string> = {}) {
  const clean = { ...cleanEnv, PORT: "1", STOCKWIRE_DATA: folder() };
  return runProgram(PROGRAM, args, { env: { ...clean, ...env } });
}

/** Finds the keys of a file. More time passes between two calls than between two looks at the file. */
function keyFinder(file: string, onError: (error: unknown) => void) {
  let now = 0;
  return createKeyFinder(watchKeys(file, onError, () => (now += 1000)));
}

/** Whether the gateway of a data folder admits a key at a time. */
function admits(dataDir: string) {
  const findKey = keyFinder(keyFileOf(dataDir), (error) => expect.unreachable(String(error)));
  return (value: string, at = Date.now()) => findKey(value, at) !== undefined;
}

const thisMonth = periodStart("MONTH", Date.now());

describe("on the laptop", () => {
  test("a created key is shown once, and only its hash is stored", async () => {
    const dataDir = folder();
    const env = { STOCKWIRE_DATA: dataDir };
    const { code, stdout } = await run(["create", "customer-key", "--plan", "basic"], env);
    const [, id = "", value = ""] =
      /^(\w+) .*customer-key\n(\w{40})\nThis is the key/.exec(stdout) ?? [];
    expect([code, id.length]).toEqual([0, 10]);
    expect(admits(dataDir)(value)).toBe(true);
    expect(readFileSync(keyFileOf(dataDir), "utf8")).not.toContain(value);
    const list = await run(["list"], env);
    expect(list.stdout).toMatch(new RegExp(`^${id} {2}basic .*enabled .*customer-key\\n$`));
    expect(list.stdout).not.toContain(value);

    const usage = `["basic","${id}","${thisMonth}",40]\n["basic","${id}","2020-01-31",9]\n["basic","${id}","20`;
    writeFileSync(usageFileOf(dataDir), usage);
    expect((await run(["usage"], env)).stdout).toBe(
      `${id}  basic  customer-key: 960 of 1000 requests left this month\n  ${thisMonth}  40\n`,
    );
    expect(readFileSync(usageFileOf(dataDir), "utf8")).toBe(usage); // the server may be appending
  });

  test("a key can be disabled and enabled again, and the gateway notices each time", async () => {
    const dataDir = folder();
    const keys = laptopKeys(dataDir);
    const isAdmitted = admits(dataDir);
    const { key, value } = await keys.create("a", "production");
    for (const enabled of [false, true, false]) {
      expect((await keys.enable(key.id, enabled)).enabled).toBe(enabled);
      expect(isAdmitted(value)).toBe(enabled);
    }
    await expect(keys.enable("none", true)).rejects.toThrow("There is no API key none");
  });

  test("a rotated key works until its grace has ended, its successor immediately", async () => {
    const dataDir = folder();
    const keys = laptopKeys(dataDir);
    const isAdmitted = admits(dataDir);
    const { key, value } = await keys.create("a", "production");
    const next = await keys.rotate(key.id, 3_600_000);
    expect(next.key).toMatchObject({ name: "a", plan: "production" });
    const soon = Date.now() + 3_590_000;
    expect([isAdmitted(value, soon), isAdmitted(next.value)]).toEqual([true, true]);
    expect(isAdmitted(value, soon + 20_000)).toBe(false);
    // Another rotation does not let the old key live longer.
    await keys.rotate(key.id, 24 * 3_600_000);
    expect(isAdmitted(value, soon + 20_000)).toBe(false);
    const last = await keys.rotate(next.key.id, 0);
    expect([isAdmitted(next.value), isAdmitted(last.value)]).toEqual([false, true]);
    await expect(keys.enable(next.key.id, true)).rejects.toThrow("has expired");
  });

  test("a key whose end is no time has ended, and rotation does not change that", async () => {
    const dataDir = folder();
    const [file, keys] = [keyFileOf(dataDir), laptopKeys(dataDir)];
    const { key, value } = await keys.create("a", "basic");
    const [stored] = readKeys(file) ?? [];
    writeFileSync(file, JSON.stringify([{ ...stored, expiresAt: "tomorrow" }]));
    const isAdmitted = admits(dataDir);
    expect(isAdmitted(value)).toBe(false);
    const { stdout } = await run(["list"], { STOCKWIRE_DATA: dataDir });
    expect(stdout).toContain(" expired ");
    await expect(keys.enable(key.id, true)).rejects.toThrow("has expired");
    const next = await keys.rotate(key.id, 3_600_000);
    expect([isAdmitted(value), isAdmitted(next.value)]).toEqual([false, true]);
  });

  test("no change is lost if another command changes the keys at the same time", async () => {
    const dataDir = folder();
    const [file, keys] = [keyFileOf(dataDir), laptopKeys(dataDir)];
    await keys.create("first", "basic");
    const text = readFileSync(file, "utf8");
    rmSync(file);
    const lock = tryLock(`${file}.lock`); // as the other command does
    const created = keys.create("second", "basic");
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(file, text);
    lock?.release();
    await created;
    expect((await keys.list()).map(({ name }) => name)).toEqual(["first", "second"]);
  });

  test("commands that are killed at any moment block no other and lose no key", async () => {
    const dataDir = folder();
    const module = new URL("../partner/key-store.ts", import.meta.url).href;
    const program = `
      import { laptopKeys } from ${JSON.stringify(module)};
      const keys = laptopKeys(${JSON.stringify(dataDir)});
      for (;;) console.log((await keys.create("a", "basic")).key.id);`;
    const known = new Set<string>();
    const commands = Array.from({ length: 4 }, () => {
      const command = spawn(process.execPath, ["--input-type=module-typescript", "-e", program]);
      onTestFinished(() => void command.kill("SIGKILL"));
      return { command, lines: createInterface(command.stdout) };
    });
    // Each is killed after a key of its own, when it is about to create the next one.
    await Promise.all(
      commands.map(async ({ command, lines }, at) => {
        let created = 0;
        for await (const id of lines) {
          known.add(id);
          if (++created === 5 * (at + 1)) command.kill("SIGKILL");
        }
      }),
    );
    const last = await laptopKeys(dataDir).create("last", "basic");
    const ids = (await laptopKeys(dataDir).list()).map(({ id }) => id);
    expect([...known, last.key.id].filter((id) => !ids.includes(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("a damaged file is one line, and the gateway keeps the keys that it has", async () => {
    const dataDir = folder();
    const keys = laptopKeys(dataDir);
    const { value } = await keys.create("a", "basic");
    const errors: unknown[] = [];
    const findKey = keyFinder(keyFileOf(dataDir), (error) => errors.push(error));
    expect(findKey(value, 0)).toBeDefined();
    for (const text of ["{", "[{}]", '[{"plan":"gold"}]']) {
      writeFileSync(keyFileOf(dataDir), text);
      expect(findKey(value, 0)).toBeDefined();
    }
    expect(errors).toHaveLength(3);
    await expect(keys.list()).rejects.toThrow("is damaged");
  });

  test("a wrong command line is one line and exit code 1", async () => {
    const faults = [
      [[], "A command is missing"],
      [["sell"], "sell is unknown"],
      [["create"], "the NAME of the key is missing"],
      [["create", "a", "--plan", "gold"], "--plan must be basic or production"],
      [["list", "--plan", "basic"], "--plan is for create only"],
      [["rotate", "x", "--grace", "1 week"], "--grace must be"],
      [["disable", "x"], "There is no API key x"],
      [["list", "--stage", "a/b"], "--stage must be"],
      [["list", "--bogus"], "Unknown option"],
    ] as const;
    const results = await Promise.all(faults.map(([args]) => run([...args])));
    for (const [at, { code, stdout, stderr }] of results.entries()) {
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(faults[at]?.[1]);
      expect(stderr.trimEnd()).not.toContain("\n");
    }
  });
});

/** An API Gateway with two usage plans of a stage and one of another. */
async function stubOfAws() {
  const calls: string[] = [];
  const keys = new Map<
    string,
    { id: string; name: string; enabled: boolean; createdDate: number }
  >();
  const members: Record<string, string[]> = { p1: [], p2: [], other: ["foreign"] };
  let refuse: string | undefined;
  keys.set("foreign", { id: "foreign", name: "foreign", enabled: true, createdDate: 1 });
  const answer = (method: string, url: URL, body: string): unknown => {
    const [, first, id = "", third] = url.pathname.split("/");
    const given = (body === "" ? {} : JSON.parse(body)) as Record<string, string>;
    if (first === "usageplans" && third === "keys" && method === "POST") {
      members[id]?.push(given["keyId"] ?? "");
      return { id: given["keyId"], type: "API_KEY" };
    }
    if (first === "usageplans" && third === "keys")
      return { item: members[id]?.map((key) => ({ id: key })) };
    if (first === "usageplans" && third === "usage") {
      return {
        values: {
          [url.searchParams.get("keyId") ?? ""]: [
            [0, 1000],
            [7, 993],
          ],
        },
      };
    }
    if (first === "usageplans") {
      const names = {
        p1: "stockwire-dev-basic",
        p2: "stockwire-dev-production",
        other: "stockwire-development-basic",
      };
      return { item: Object.entries(names).map(([plan, name]) => ({ id: plan, name })) };
    }
    if (method === "POST") {
      const key = {
        id: `k${keys.size}`,
        name: given["name"] ?? "",
        enabled: true,
        createdDate: keys.size,
      };
      keys.set(key.id, key);
      return { ...key, value: `value-of-${key.id}` };
    }
    if (method === "DELETE") return void keys.delete(id);
    if (method === "PATCH") {
      const [change] = given["patchOperations"] as unknown as { value: string }[];
      const key = keys.get(id);
      if (key) key.enabled = change?.value === "true";
      return key;
    }
    return { item: [...keys.values()] };
  };
  const server = createServer((req, res) => {
    let body = "";
    req.on("data", (chunk) => (body += String(chunk)));
    req.on("end", () => {
      const url = new URL(req.url ?? "", "http://stub");
      calls.push(`${req.method} ${url.pathname}`);
      const refused =
        refuse !== undefined && url.pathname.includes(refuse) && req.method === "POST";
      res.writeHead(refused ? 400 : 200, { "content-type": "application/json" });
      res.end(
        refused ? '{"message":"no"}' : JSON.stringify(answer(req.method ?? "", url, body) ?? {}),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const client = new APIGatewayClient({
    endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  return { calls, keys, members, endpoint, client, refuse: (path: string) => (refuse = path) };
}

describe("on AWS", () => {
  test("keys are created in the stage's plan, listed, disabled, rotated and counted", async () => {
    const { client, members, keys } = await stubOfAws();
    const store = awsKeys("dev", client);
    const { key, value } = await store.create("customer", "basic");
    expect([value, members["p1"]]).toEqual([`value-of-${key.id}`, [key.id]]);
    // Keys of other stages are neither shown nor changed.
    expect((await store.list()).map(({ id }) => id)).toEqual([key.id]);
    await expect(store.enable("foreign", false)).rejects.toThrow("There is no API key foreign");
    await store.enable(key.id, false);
    expect(keys.get(key.id)?.enabled).toBe(false);
    await store.enable(key.id, true);
    const slow = await store.rotate(key.id, 60_000);
    expect(keys.get(key.id)?.enabled).toBe(true);
    expect(slow.note).toContain(`npm run keys -- disable ${key.id} --stage dev`);
    await store.rotate(slow.key.id, 0);
    expect(keys.get(slow.key.id)?.enabled).toBe(false);
    const second = dayOf(Date.parse(thisMonth) + 24 * 60 * 60 * 1000);
    expect(await store.usage(key.id)).toMatchObject([
      { days: [{ day: second, requests: 7 }], limit: 1000, left: 993 },
    ]);
  });

  test("a key that cannot join its plan is deleted again", async () => {
    const { client, keys, refuse } = await stubOfAws();
    refuse("/usageplans/");
    await expect(awsKeys("dev", client).create("customer", "basic")).rejects.toThrow("no");
    expect([...keys.keys()]).toEqual(["foreign"]);
  });

  test("a stage that has no plans is one line", async () => {
    const { client } = await stubOfAws();
    await expect(awsKeys("prod", client).list()).rejects.toThrow("is the stage prod deployed?");
  });

  test("the command takes endpoint, region and credentials as the SDK does", async () => {
    const { endpoint, calls } = await stubOfAws();
    const env = {
      AWS_ENDPOINT_URL_API_GATEWAY: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    };
    const { stdout } = await run(["create", "shop", "--plan", "production", "--stage", "dev"], env);
    expect(stdout).toMatch(/^k1 {2}production .*shop\nvalue-of-k1\nThis is the key/);
    expect(calls).toEqual(["GET /usageplans", "POST /apikeys", "POST /usageplans/p2/keys"]);
  });
});
