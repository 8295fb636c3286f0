/**
 * DynamoDB for this machine: an engine that runs already, or one that this process starts, restarts
 * after a crash, and stops. At most one process uses a data folder at a time, and no engine outlives
 * the process that started it.
 */

import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError, messageOf } from "../error.ts";
import { schedule } from "../schedule.ts";
import { type ClientConfig, localClientConfig } from "./client-config.ts";
import { endpointOf, pidFile, startEngineProcess } from "./engine-process.ts";
import { type Executable, findExecutable } from "./executable.ts";
import { lockFolder } from "./lock.ts";
import { endRecordedProcess } from "./pid-file.ts";
import type { Child } from "./watchdog.ts";

/** A DynamoDB that answers requests. */
export interface Engine {
  /** Undefined for Amazon's DynamoDB, which the SDK finds by itself. */
  readonly endpoint: string | undefined;
  /** Configures SDK clients of DynamoDB and DynamoDB Streams; empty for Amazon's DynamoDB. */
  readonly clientConfig: Partial<ClientConfig>;
  readonly kind: "external" | Executable["kind"];
  /** Stops the engine if this process started it, and unlocks the data folder. */
  stop(): Promise<void>;
}

/** Where the engine keeps its data, and how it reports. */
export interface Options {
  readonly dataDir: string;
  readonly log: (line: string) => void;
  /** The engine has crashed too often and is not started again. */
  readonly onDown?: (reason: LocalError) => void;
  /** Port of an engine that this process starts; 0, the default, picks a free one. */
  readonly port?: number | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly maintenanceIntervalMs?: number;
}

const STABLE_AFTER = 1000; // ms without a crash, after which the backoff begins from its start
const BACKOFF = [0, 0, 0, 0, 100, 200, 400, 800, 1600]; // ms before each consecutive restart
const PORT_ATTEMPTS = 5;
const MAINTENANCE_INTERVAL = 60 * 60 * 1000; // ms
const GRACE = 2000; // ms that an engine of an earlier process has to end

/**
 * Uses the engine at DYNAMODB_ENDPOINT, a URL or `aws`. Without that variable, starts the engine
 * that `findExecutable` chooses, with its data in `dataDir`. Throws LocalError if there is no engine,
 * if it does not answer, or if another process uses `dataDir` or the port.
 */
export async function startDynamodb(options: Options): Promise<Engine> {
  const env = options.env ?? process.env;
  const given = env["DYNAMODB_ENDPOINT"];
  if (!given) return startEngine(findExecutable(env), options);
  const endpoint = given === "aws" ? undefined : given;
  if (endpoint !== undefined) await mustAnswer(endpoint);
  return {
    endpoint,
    clientConfig: endpoint === undefined ? {} : localClientConfig(endpoint),
    kind: "external",
    stop: () => Promise.resolve(),
  };
}

/**
 * Starts an engine on a port of the loopback interface and waits until it answers. After a
 * crash it is started again on the same port about 30 ms later, so that clients which retry see no
 * failure. dynoxide answers 20 ms after its start, and loses no acknowledged write when it is killed.
 */
export async function startEngine(executable: Executable, options: Options): Promise<Engine> {
  const { dataDir, log, maintenanceIntervalMs = MAINTENANCE_INTERVAL } = options;
  const lock = await lockFolder(dataDir);
  try {
    // The engine of a process that was killed may still be ending; its watchdog may be dead too.
    await endRecordedProcess(pidFile(dataDir), GRACE);
    // Twice, because in a new folder there are no data files before the engine has started.
    await executable.maintain?.(dataDir, log);
    const { port, engine } = options.port
      ? await startOnPort(executable, dataDir, options.port)
      : await startOnFreePort(executable, dataDir);
    let maintenance = executable.maintain?.(dataDir, log);
    await maintenance;
    const maintain = async () => {
      maintenance = executable.maintain?.(dataDir, log);
      await maintenance;
    };
    const periodic = schedule(maintain, {
      everyMs: maintenanceIntervalMs,
      onError: (error) => log(`maintenance of the DynamoDB engine failed: ${String(error)}`),
    });

    const stopping = new AbortController();
    const supervision = supervise(executable, options, port, engine, stopping.signal);
    const end = async () => {
      stopping.abort();
      periodic.stop();
      await supervision;
      await maintenance; // it has the data files open
      await rm(pidFile(dataDir), { force: true });
      await lock.release();
    };
    let ended: Promise<void> | undefined;
    const endpoint = endpointOf(port);
    return {
      endpoint,
      clientConfig: localClientConfig(endpoint),
      kind: executable.kind,
      stop: () => (ended ??= end()),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The port is tried before, since another engine there would answer in place of the new one. */
async function startOnPort(
  executable: Executable,
  dataDir: string,
  port: number,
): Promise<{ port: number; engine: Child }> {
  await listenOnce(port).catch((cause: unknown) => {
    throw new LocalError(`the engine cannot use port ${port}: ${messageOf(cause)}`, { cause });
  });
  return { port, engine: await startEngineProcess(executable, dataDir, port) };
}

async function startOnFreePort(
  executable: Executable,
  dataDir: string,
): Promise<{ port: number; engine: Child }> {
  for (let attempt = 1; ; attempt++) {
    const port = await listenOnce(0);
    try {
      return { port, engine: await startEngineProcess(executable, dataDir, port) };
    } catch (error) {
      // Another program took the port between listenOnce and the engine's start.
      const isPortTaken = error instanceof LocalError && /in use/i.test(error.message);
      if (!isPortTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Restarts the engine after each crash. Resolves once it is stopped, or has crashed too often. */
async function supervise(
  executable: Executable,
  { dataDir, log, onDown }: Options,
  port: number,
  first: Child,
  stopping: AbortSignal,
): Promise<void> {
  const stopRequested = once(stopping, "abort");
  let engine: Child | undefined = first;
  let crashes = 0; // consecutive
  let reason = "";
  while (!stopping.aborted) {
    if (engine) {
      const startedAt = Date.now();
      const lastLine: unknown = await Promise.race([engine.ended, stopRequested]);
      if (stopping.aborted) break;
      if (Date.now() - startedAt > STABLE_AFTER) crashes = 0;
      reason = typeof lastLine === "string" ? lastLine : "";
    }
    const delay = BACKOFF[crashes];
    if (delay === undefined) {
      onDown?.(new LocalError(`the DynamoDB engine has crashed ${crashes} times: ${reason}`));
      return;
    }
    crashes++;
    log("the DynamoDB engine has crashed; starting it again");
    await sleep(delay, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    engine = await startEngineProcess(executable, dataDir, port, stopping).catch(
      (error: unknown) => {
        reason = messageOf(error);
        return undefined;
      },
    );
  }
  await engine?.stop();
}

/** Any HTTP answer is enough: whether the credentials are right is checked by later requests. */
async function mustAnswer(endpoint: string): Promise<void> {
  if (!/^https?:/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new LocalError(`DYNAMODB_ENDPOINT must be a URL or the word aws, not ${endpoint}`);
  }
  await fetch(endpoint, { signal: AbortSignal.timeout(5000) }).catch((cause: unknown) => {
    throw new LocalError(`no DynamoDB engine answers at ${endpoint} (DYNAMODB_ENDPOINT)`, {
      cause,
    });
  });
}

/** Listens on a port for a moment and returns it; 0 finds a free one. Rejects if it is taken. */
async function listenOnce(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
