import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { Data } from "@stockwire/core/store/tables";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { codeOf, LocalError } from "../error.ts";
import { startDynamodb, type Engine, type Options } from "./dynamodb.ts";
import { findExecutable } from "./executable.ts";
import { createTables } from "./tables.ts";

const { DYNAMODB_ENDPOINT: _, ...ownEngine } = process.env;
const { PATH } = process.env;
const REAL = findExecutable(ownEngine).command;

let dataDir: string;
let engines: Engine[];
let clients: DynamoDBClient[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "stockwire-dynamodb-"));
  engines = [];
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  for (const engine of engines) await engine.stop();
  await allEnded();
  await rm(dataDir, { recursive: true });
});

async function start(options: Partial<Options> = {}): Promise<Engine> {
  const engine = await startDynamodb({
    dataDir,
    log: () => undefined,
    env: ownEngine,
    ...options,
  });
  engines.push(engine);
  return engine;
}

function connect({ clientConfig }: Engine, maxAttempts = 5): DynamoDBClient {
  const client = new DynamoDBClient({ ...clientConfig, maxAttempts });
  clients.push(client);
  return client;
}

const item = (id: string) => ({ pk: { S: id }, sk: { S: id } });

async function put(client: DynamoDBClient, id: string): Promise<void> {
  await client.send(new PutItemCommand({ TableName: "Data", Item: item(id) }));
}

/** Repeats a write until an engine answers, however long its start takes. A refusal is an error. */
async function putUntilAnswered(client: DynamoDBClient, id: string): Promise<void> {
  for (;;) {
    try {
      return await put(client, id);
    } catch (error) {
      if (!["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(String(codeOf(error)))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function has(client: DynamoDBClient, id: string): Promise<boolean> {
  const found = await client.send(
    new GetItemCommand({ TableName: "Data", Key: item(id), ConsistentRead: true }),
  );
  return found.Item !== undefined;
}

/** The processes of this test's folder: the engine, its watchdog, and the watchdog's subshell. */
function processes(): { pid: number; parent: number; command: string }[] {
  return execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(join(dataDir, "dynoxide.db")))
    .map((line) => {
      const [pid = "", parent = "", ...command] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), command: command.join(" ") };
    });
}

async function allEnded(): Promise<void> {
  await vi.waitUntil(() => processes().length === 0, { timeout: 30_000 });
}

function groupOf(pid: number): string {
  return execFileSync("ps", ["-o", "pgid=", "-p", `${pid}`], { encoding: "utf8" }).trim();
}

const isWatchdog = ({ command }: { command: string }) => command.includes("watchdog.sh");

function enginePid(): number {
  return processes().find((one) => !isWatchdog(one))?.pid ?? 0;
}

async function startInOtherProcess(): Promise<ChildProcess> {
  const module = JSON.stringify(new URL("dynamodb.ts", import.meta.url));
  const code = `
    const { startDynamodb } = await import(${module});
    await startDynamodb({ dataDir: process.argv[1], log: console.log });
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code, dataDir], {
    env: ownEngine,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface(child.stdout), "line");
  return child;
}

/** A shell script that runs in place of dynoxide. */
async function script(text: string): Promise<string> {
  const file = join(dataDir, "engine.sh");
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

function kill(pid: number): void {
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, "SIGKILL");
}

test("the engine starts in a new folder, answers, and leaves no process when it is stopped", async () => {
  const engine = await start();
  expect(engine).toMatchObject({
    kind: "dynoxide",
    endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
  await createTables(connect(engine), [Data], (id) => id);
  expect(processes()).toHaveLength(3);
  await engine.stop();
  expect(processes()).toEqual([]);
});

test("data survive a stop and a start", async () => {
  const first = await start();
  const client = connect(first);
  await createTables(client, [Data], (id) => id);
  await put(client, "kept");
  await first.stop();
  expect(await has(connect(await start()), "kept")).toBe(true);
});

test("an engine that is killed starts again and has lost no acknowledged write", async () => {
  const log = vi.fn<(line: string) => void>();
  const client = connect(await start({ log }));
  await createTables(client, [Data], (id) => id);
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round++) {
    const enough = acknowledged.length + 200;
    const writers = Array.from({ length: 8 }, async (_none, writer) => {
      for (let n = 0; acknowledged.length < enough; n++) {
        const id = `${round}-${writer}-${n}`;
        await putUntilAnswered(client, id);
        acknowledged.push(id);
      }
    });
    await vi.waitUntil(() => acknowledged.length > enough - 150, { interval: 2, timeout: 30_000 });
    kill(enginePid());
    await Promise.all(writers); // they would not end if the port had changed
  }
  const kept = await Promise.all(acknowledged.map((id) => has(client, id)));
  expect(kept.filter((one) => !one)).toEqual([]);
  expect(log.mock.calls).toHaveLength(4);
});

test("an engine that keeps crashing is reported with its last line and not started again", async () => {
  const broken = join(dataDir, "broken");
  const DYNOXIDE_BIN = await script(
    `if [ -e "${broken}" ]; then echo "error: disk on fire" >&2; exit 3; fi; exec "${REAL}" "$@"`,
  );
  const onDown = vi.fn<(reason: LocalError) => void>();
  await start({ env: { PATH, DYNOXIDE_BIN }, onDown });
  await writeFile(broken, "");
  kill(enginePid());
  await vi.waitUntil(() => onDown.mock.calls.length > 0, { timeout: 30_000 });
  expect(onDown.mock.calls[0]?.[0].message).toMatch(/has crashed \d+ times: .*disk on fire/);
  expect(processes()).toEqual([]);
});

test("the engine ends with a parent that is killed, and the next start succeeds", async () => {
  const parent = await startInOtherProcess();
  const first = enginePid();
  await expect(start()).rejects.toThrow(`process ${parent.pid} is using the data folder`);

  kill(parent.pid ?? 0);
  await once(parent, "exit");
  const engine = await start();
  expect(enginePid()).not.toBe(first);
  expect(processes().filter((one) => !isWatchdog(one))).toHaveLength(1);
  await createTables(connect(engine), [Data], (id) => id);
});

test("the next start ends an engine whose parent and watchdog were both killed", async () => {
  const parent = await startInOtherProcess();
  const orphan = enginePid();
  for (const { pid } of processes().filter(isWatchdog)) kill(pid);
  kill(parent.pid ?? 0);
  await once(parent, "exit");
  await start();
  expect(processes().map(({ pid }) => pid)).not.toContain(orphan);
});

test("if the watchdog is killed, the engine ends and is started again", async () => {
  const engine = await start();
  const client = connect(engine);
  await createTables(client, [Data], (id) => id);
  const orphan = enginePid();
  kill(processes().find((one) => isWatchdog(one) && one.parent === process.pid)?.pid ?? 0);
  await vi.waitUntil(() => !processes().some(({ pid }) => pid === orphan), { timeout: 30_000 });
  await putUntilAnswered(client, "after");
  expect(processes()).toHaveLength(3);
});

test("an engine that does not react to SIGTERM is killed", async () => {
  const engine = await start();
  process.kill(enginePid(), "SIGSTOP");
  await engine.stop();
  expect(processes()).toEqual([]);
});

test("a stop immediately after a crash leaves no process", async () => {
  const engine = await start();
  kill(enginePid());
  await engine.stop();
  await allEnded();
  expect(processes()).toEqual([]);
});

test("the engine has a process group of its own, so Ctrl-C does not reach it", async () => {
  await start();
  expect(groupOf(enginePid())).not.toBe(groupOf(process.pid));
});

test("an engine whose port is taken starts on another one", async () => {
  const tried = join(dataDir, "tried");
  const DYNOXIDE_BIN = await script(
    `if [ ! -e "${tried}" ]; then
       touch "${tried}"; echo "error: port $5 is already in use" >&2; exit 1
     fi; exec "${REAL}" "$@"`,
  );
  expect((await start({ env: { PATH, DYNOXIDE_BIN } })).kind).toBe("dynoxide");
});

test("an engine that ends during its start is one line with its last output, and unlocks the folder", async () => {
  const DYNOXIDE_BIN = await script('echo "error: no such luck" >&2; exit 1');
  const failed = start({ env: { PATH, DYNOXIDE_BIN } });
  await expect(failed).rejects.toThrow(LocalError);
  await expect(failed).rejects.toThrow(/ended immediately after its start: error: no such luck$/);
  await start();
});

test("a folder that cannot be created is one clear line", async () => {
  await expect(start({ dataDir: "/dev/null/x" })).rejects.toThrow(
    "the data folder /dev/null/x cannot be written",
  );
});

test("the stream records have an index after the first start", async () => {
  await start();
  const database = new DatabaseSync(join(dataDir, "dynoxide.db"), { readOnly: true });
  const indexes = database.prepare("SELECT name FROM pragma_index_list('_stream_records')").all();
  database.close();
  expect(indexes).toEqual([{ name: "app_stream_seq" }]);
});

test("stream records that expire while the engine runs are deleted, and no write fails", async () => {
  const client = connect(await start({ maintenanceIntervalMs: 100 }), 1);
  await createTables(client, [Data], (id) => id);
  await put(client, "first");
  const database = new DatabaseSync(join(dataDir, "dynoxide.db"), { timeout: 30_000 });
  const count = () =>
    Number(database.prepare("SELECT COUNT(*) n FROM _stream_records").get()?.["n"]);
  const others = `table_name, event_name, keys_json, shard_id`;
  database.exec(
    `INSERT INTO _stream_records (${others}, sequence_number, created_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
     SELECT ${others}, i + 1, created_at - 90000 FROM _stream_records, n`,
  );
  let written = 0;
  while (count() > 60) {
    await put(client, `${written++}`);
    if (written % 50 === 0) database.exec("UPDATE _stream_records SET created_at = 0");
  }
  database.close();
  for (let n = 0; n < written; n++) expect(await has(client, `${n}`)).toBe(true);
});

test("an external engine is used and not stopped", async () => {
  const own = await start();
  const env = { DYNAMODB_ENDPOINT: own.endpoint };
  const external = await start({ env, dataDir: "/dev/null/x" });
  expect(external).toMatchObject({ kind: "external", endpoint: own.endpoint });
  await external.stop();
  await createTables(connect(own), [Data], (id) => id);
});

test("the word aws means the DynamoDB that the SDK finds", async () => {
  const engine = await start({ env: { DYNAMODB_ENDPOINT: "aws" } });
  expect(engine).toMatchObject({ kind: "external", endpoint: undefined, clientConfig: {} });
});

test("an external engine that is not a URL or does not answer is one clear line", async () => {
  await expect(start({ env: { DYNAMODB_ENDPOINT: "localhost:8000" } })).rejects.toThrow(
    "must be a URL or the word aws",
  );
  await expect(start({ env: { DYNAMODB_ENDPOINT: "http://127.0.0.1:1" } })).rejects.toThrow(
    "no DynamoDB engine answers at http://127.0.0.1:1",
  );
});
