/** One process of the DynamoDB engine: started, recorded in its PID file, and probed until ready. */

import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError } from "../error.ts";
import type { Executable } from "./executable.ts";
import { localClientConfig } from "./client-config.ts";
import { writePidFile } from "./pid-file.ts";
import { type Child, startChild } from "./watchdog.ts";

/**
 * Starts the engine and resolves once it answers requests. Throws LocalError, and leaves no process
 * behind, if it ends or does not answer in time, or if `stopping` is aborted.
 */
export async function startEngineProcess(
  executable: Executable,
  dataDir: string,
  port: number,
  stopping?: AbortSignal,
): Promise<Child> {
  const { command, readyWithin } = executable;
  const engine = await startChild(command, executable.args(port, dataDir));
  const settled = new AbortController(); // ends the probe when the process has ended first
  const timeout = AbortSignal.timeout(readyWithin);
  const signals = [settled.signal, timeout];
  if (stopping) signals.push(stopping);
  try {
    await writePidFile(pidFile(dataDir), engine.pid);
    const ended = engine.ended.then((lastLine) => {
      throw new LocalError(
        `the DynamoDB engine ${command} ended immediately after its start: ${lastLine}`,
      );
    });
    await Promise.race([untilReady(endpointOf(port), AbortSignal.any(signals)), ended]);
    return engine;
  } catch (error) {
    await engine.stop();
    if (!timeout.aborted) throw error;
    throw new LocalError(
      `the DynamoDB engine ${command} did not answer in ${readyWithin / 1000} s`,
      { cause: error },
    );
  } finally {
    settled.abort();
  }
}

async function untilReady(endpoint: string, signal: AbortSignal): Promise<void> {
  const client = new DynamoDBClient({ ...localClientConfig(endpoint), maxAttempts: 1 });
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

/** The endpoint of an engine that listens on a port of this machine. */
export function endpointOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** The PID file of the engine that has a data folder open. */
export function pidFile(dataDir: string): string {
  return join(dataDir, "engine.pid");
}
