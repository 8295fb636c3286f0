/**
 * The writers of one process. Each writes the same record in a loop. They share the process's locks,
 * or each is a thread with locks of its own, as the instances of a Lambda function are.
 */

import { createClient } from "@stockwire/core/store/client";
import { AppError } from "@stockwire/core/error";
import * as Inventory from "@stockwire/core/catalog/inventory";
import * as Item from "@stockwire/core/catalog/item";
import * as Product from "@stockwire/core/catalog/product";
import * as DynamoDB from "@stockwire/core/store/dynamodb";
import { retryWhileBusy } from "@stockwire/core/store/partition";
import { once } from "node:events";
import { type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { serve } from "../child.ts";
import { SHARDS } from "../context.ts";
import { meter } from "../meter.ts";
import { by } from "../seed.ts";

const WRITES = {
  "PATCH product": (id: string, n: number) => Product.update(id, { name: `Lamp ${n}` }, by()),
  "PUT item": (id: string, n: number) => Item.replace(id, { n }, by()),
  "PATCH item": (id: string, n: number) => Item.patch(id, { n }, by()),
  "PUT inventory": (id: string, n: number) => Inventory.set(id, { quantity: n }, by()),
} as const;

/** Ms for one call: how long calls take is measured, and is not to be cut off. */
const TIMEOUT = 10_000;

export interface ContentionTask {
  endpoint: string;
  tableName: string;
  write: keyof typeof WRITES;
  id: string;
  writers: number;
  /** False if no two writers share the locks of a process. */
  locks: boolean;
  time: number; // ms
}

export interface Contended {
  times: number[]; // ms of each successful write
  failures: number;
  calls: number;
  units: number; // of reads and writes
}

async function run(task: ContentionTask): Promise<Contended> {
  if (task.locks) return write(task);
  const alone = { ...task, writers: 1, locks: true };
  const workers = Array.from(
    { length: task.writers },
    () => new Worker(new URL(import.meta.url), { workerData: alone }),
  );
  // All begin together: while threads start, they leave no CPU to the others.
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const all = await Promise.all(
    workers.map(async (worker) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage("begin");
      const [result] = (await once(worker, "message")) as [Contended];
      await worker.terminate();
      return result;
    }),
  );
  const sum = (name: "failures" | "calls" | "units") =>
    all.reduce((total, each) => total + each[name], 0);
  const times = all.flatMap((each) => each.times);
  return { times, failures: sum("failures"), calls: sum("calls"), units: sum("units") };
}

async function write({ endpoint, tableName, write: kind, id, writers, time }: ContentionTask) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = createClient({ region: "us-east-1", endpoint, credentials, timeout: TIMEOUT });
  DynamoDB.configure({ client, tableName, shards: SHARDS });
  await retryWhileBusy(() => DynamoDB.verifyShards());
  const measured = meter(client);
  const result = { times: [] as number[], failures: 0 };
  let failed: unknown;
  const started = performance.now();
  const writer = async () => {
    while (performance.now() - started < time) {
      const begun = performance.now();
      try {
        await WRITES[kind](id, Math.floor(Math.random() * 1_000_000));
        result.times.push(performance.now() - begun);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "unavailable") failed = error;
        result.failures++;
      }
    }
  };
  const cost = await measured(() => Promise.all(Array.from({ length: writers }, writer)));
  client.close();
  if (failed !== undefined) throw failed;
  return { ...result, calls: cost.calls, units: cost.reads + cost.writes };
}

/** Reports that this thread is ready, waits for the others, and sends what it did. */
async function runThread(port: MessagePort): Promise<void> {
  port.postMessage("ready");
  await once(port, "message");
  port.postMessage(await write(workerData as ContentionTask));
}

if (parentPort === null) serve({ run });
else await runThread(parentPort);
