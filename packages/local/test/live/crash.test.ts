/** kill -9 between any two steps on the way from a stream record to its checkpoint. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@stockwire/core/store/client";
import { newId } from "@stockwire/core/id";
import * as Item from "@stockwire/core/catalog/item";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FaultyProxy, faultyProxy } from "../../../core/test/support/fault-proxy.ts";
import { type RunningLaptop, startLaptop } from "../laptop.ts";
import { connect, closeClients, type LiveClient, until } from "./client.ts";
import { ownTables } from "./tables.ts";

const STEPS = new Set(["GetItem", "TransactWriteItems", "Query", "UpdateItem", "BatchWriteItem"]);

const tables = ownTables("crash");
const { DYNAMODB_ENDPOINT: engine = "" } = tables.env;
let proxy: FaultyProxy;
let dataDir: string;
let laptop: RunningLaptop | undefined;

beforeAll(async () => {
  proxy = await faultyProxy(engine);
  dataDir = await mkdtemp(join(tmpdir(), "stockwire-crash-"));
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  DynamoDB.configure({
    client: createClient({ region: "us-east-1", endpoint: engine, credentials }),
    tableName: `${tables.env["STOCKWIRE_TABLE_PREFIX"]}Data`,
    shards: 4,
  });
});
afterEach(closeClients);
afterAll(async () => {
  laptop?.kill("SIGKILL");
  await laptop?.ended;
  await proxy.close();
  await rm(dataDir, { recursive: true });
  await tables.drop();
});

async function start(): Promise<RunningLaptop> {
  const port = laptop === undefined ? "0" : new URL(laptop.url).port;
  laptop = await startLaptop({
    args: ["--no-seed", "--port", port],
    env: { ...tables.env, DYNAMODB_ENDPOINT: proxy.endpoint },
    dataDir,
  });
  return laptop;
}

const subscribe = async (at: RunningLaptop, since?: string): Promise<[LiveClient, string]> => {
  const client = await connect(at, { token: at.token({ sub: newId(), scope: "admin" }) });
  const { type, cursor } = await client.request({
    action: "subscribe",
    topics: ["items"],
    ...(since !== undefined && { since }),
  });
  expect(type).toBe("subscribed");
  return [client, cursor as string];
};

const by = () => ({ actor: "ana", requestId: newId(), at: new Date().toISOString() });

/** Writes past the laptop, which learns of these changes from the stream only. */
async function write(): Promise<string[]> {
  const { value } = await Item.create({ type: "a" }, by());
  await Item.patch(value.id, { type: "b" }, by(), undefined);
  await Item.remove(value.id, by(), undefined);
  return [1, 2, 3].map((version) => `${value.id} ${version}`);
}

/** Lets the laptop's requests to DynamoDB pass until the given one, which is never answered. */
function freezeAt(step: number): { frozen: () => boolean; passed: string[] } {
  const passed: string[] = [];
  let frozen = false;
  proxy.decide((operation) => {
    if (!STEPS.has(operation)) return "none";
    if (passed.push(operation) < step) return "none";
    frozen = true;
    return "silence";
  });
  return { frozen: () => frozen, passed };
}

type Change = Record<string, unknown>;
const nameOf = ({ id, version }: Change) => `${String(id)} ${String(version)}`;

test("wherever the process is killed, each change is in the log once and reaches its client", async () => {
  const written: string[] = [];
  const killedAt = new Set<string>();
  const kinds = new Set(["GetItem", "TransactWriteItems", "Query", "UpdateItem"]);
  let running = await start();
  for (let step = 1; !killedAt.isSupersetOf(kinds);) {
    const [, cursor] = await subscribe(running);
    const { frozen, passed } = freezeAt(step);
    const changes = await write();
    written.push(...changes);
    await until(frozen, `step ${step}, after ${passed.join(" ")}`);
    running.kill("SIGKILL");
    await running.ended;
    const lastStep = passed.at(-1) ?? "";
    // Only a new process reads the head of the feed; the checkpoint is the last step.
    step = killedAt.size === 0 || lastStep === "UpdateItem" ? 1 : step + 1;
    killedAt.add(lastStep);

    const successor = freezeAt(Infinity);
    running = await start();
    const [again] = await subscribe(running, cursor);
    const received = () => {
      const bySeq = new Map(
        again.changes().map((change) => [Number(change["seq"]), nameOf(change)]),
      );
      return [...bySeq].toSorted(([a], [b]) => a - b).map(([, name]) => name);
    };
    await until(
      () =>
        changes.every((name) => received().includes(name)) &&
        successor.passed.lastIndexOf("UpdateItem") >
          successor.passed.lastIndexOf("TransactWriteItems"),
      `the changes of step ${step}`,
    );
    expect(received()).toEqual(changes);
  }
  const rows = await tables.rows("Changes");
  const log = rows.filter(({ seq, sk }) => seq !== undefined && sk !== "HEAD");
  const inOrder = log.toSorted((a, b) => Number(a["seq"]) - Number(b["seq"]));
  expect(inOrder.map(({ seq }) => seq)).toEqual(written.map((_, n) => n + 1));
  expect(inOrder.map(({ change }) => nameOf(JSON.parse(String(change)) as Change))).toEqual(
    written,
  );
  expect(rows.find(({ sk }) => sk === "HEAD")).toMatchObject({ seq: written.length });
}, 120_000);
