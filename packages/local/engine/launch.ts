import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError } from "../error.ts";
import { startGuarded, type Guarded } from "./guard.ts";
import { recordProcess } from "./process.ts";
import type { Program } from "./program.ts";

/** Starts an engine and resolves once it answers; throws LocalError and leaves none if it does not. */
export async function launch(
  program: Program,
  dataDir: string,
  port: number,
  stopping?: AbortSignal,
): Promise<Guarded> {
  const engine = await startGuarded(program.command, program.args(port, dataDir));
  const given = new AbortController();
  const late = AbortSignal.timeout(program.readyWithin);
  const signals = [given.signal, late];
  if (stopping) signals.push(stopping);
  try {
    await recordProcess(pidFile(dataDir), engine.pid);
    const ended = engine.ended.then((last) => {
      throw new LocalError(`the DynamoDB engine ${program.command} ended at once: ${last}`);
    });
    await Promise.race([untilReady(endpointOf(port), AbortSignal.any(signals)), ended]);
    return engine;
  } catch (error) {
    await engine.stop();
    if (!late.aborted) throw error;
    const limit = program.readyWithin / 1000;
    throw new LocalError(`the DynamoDB engine ${program.command} did not answer in ${limit} s`, {
      cause: error,
    });
  } finally {
    given.abort();
  }
}

async function untilReady(endpoint: string, signal: AbortSignal): Promise<void> {
  const client = new DynamoDBClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
  try {
    for (;;) {
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(1000)]);
      const answered = await client
        .send(new ListTablesCommand({ Limit: 1 }), { abortSignal })
        .then(() => true)
        .catch(() => false);
      if (answered) return;
      await sleep(10, undefined, { signal });
    }
  } finally {
    client.destroy();
  }
}

/** Where an engine on a port is found. */
export function endpointOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Names the process of the engine that has a folder open. */
export function pidFile(dataDir: string): string {
  return join(dataDir, "engine.pid");
}
