import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalError } from "../error.ts";
import type { Guarded } from "./guard.ts";
import { endpointOf, launch, pidFile } from "./launch.ts";
import { lockFolder } from "./lock.ts";
import { endProcess } from "./process.ts";
import { findProgram, type Program } from "./program.ts";
import { schedule } from "../schedule.ts";

/** A DynamoDB that answers. */
export interface Engine {
  /** Undefined: real DynamoDB, where the SDK itself finds it. */
  readonly endpoint: string | undefined;
  readonly kind: "external" | Program["kind"];
  /** Ends the engine, if it is ours, and lets go of its folder. */
  stop(): Promise<void>;
}

export interface Options {
  readonly dataDir: string;
  readonly log: (line: string) => void;
  /** The engine has ended and is not worth another start. */
  readonly onDown?: (reason: LocalError) => void;
  readonly env?: NodeJS.ProcessEnv;
  readonly tendEveryMs?: number;
}

const STEADY = 1000; // ms after which a crash counts as the first again
const BACKOFF = [0, 0, 0, 0, 100, 200, 400, 800, 1600]; // ms before each restart in a row
const PORTS = 5;
const TEND_EVERY = 60 * 60 * 1000; // ms

/**
 * DYNAMODB_ENDPOINT, a URL or `aws`, if it is set; else the engine that findProgram finds, run
 * as a child with its data in `dataDir`. Throws LocalError.
 */
export async function startDynamodb(options: Options): Promise<Engine> {
  const env = options.env ?? process.env;
  const endpoint = env["DYNAMODB_ENDPOINT"];
  if (!endpoint) return startProgram(findProgram(env), options);
  if (endpoint !== "aws") await mustAnswer(endpoint);
  return {
    endpoint: endpoint === "aws" ? undefined : endpoint,
    kind: "external",
    stop: () => Promise.resolve(),
  };
}

/**
 * Starts an engine on a free port of the loopback interface, waits until it answers, and starts
 * it again on the same port when it crashes: 30 ms later, so that a client which retries sees no
 * failure. A new dynoxide answers within 20 ms, one that was killed lost no acknowledged write.
 */
export async function startProgram(program: Program, options: Options): Promise<Engine> {
  const { dataDir, log } = options;
  const lock = await lockFolder(dataDir);
  try {
    // The guard of a process that was killed may still be at it, or have been killed as well.
    await endProcess(pidFile(dataDir), 2000);
    await program.tend?.(dataDir, log);
    const { port, engine } = await startOnFreePort(program, dataDir);
    let tending = program.tend?.(dataDir, log);
    await tending;
    const tends = schedule(() => (tending = program.tend?.(dataDir, log)) ?? Promise.resolve(), {
      everyMs: options.tendEveryMs ?? TEND_EVERY,
      onError: (error) => log(`the DynamoDB engine's data were not tended: ${String(error)}`),
    });

    const stopping = new AbortController();
    const supervised = supervise(program, options, port, engine, stopping.signal);
    const end = async () => {
      stopping.abort();
      tends.stop();
      await supervised;
      await tending;
      await rm(pidFile(dataDir), { force: true });
      await lock.release();
    };
    let ended: Promise<void> | undefined;
    return { endpoint: endpointOf(port), kind: program.kind, stop: () => (ended ??= end()) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startOnFreePort(
  program: Program,
  dataDir: string,
): Promise<{ port: number; engine: Guarded }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { port, engine: await launch(program, dataDir, port) };
    } catch (error) {
      const clash = error instanceof LocalError && /in use/i.test(error.message);
      if (!clash || attempt === PORTS) throw error;
    }
  }
}

/** Ends when the engine has been stopped, or given up. */
async function supervise(
  program: Program,
  { dataDir, log, onDown }: Options,
  port: number,
  first: Guarded,
  stopping: AbortSignal,
): Promise<void> {
  const asked = once(stopping, "abort");
  let engine: Guarded | undefined = first;
  let crashes = 0;
  let reason = "";
  while (!stopping.aborted) {
    if (engine) {
      const since = Date.now();
      const last: unknown = await Promise.race([engine.ended, asked]);
      if (stopping.aborted) break;
      if (Date.now() - since > STEADY) crashes = 0;
      reason = typeof last === "string" ? last : "";
    }
    const delay = BACKOFF[crashes];
    if (delay === undefined) {
      onDown?.(new LocalError(`the DynamoDB engine crashes again and again: ${reason}`));
      return;
    }
    crashes++;
    log("the DynamoDB engine ended by itself; starting it again");
    await sleep(delay, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    engine = await launch(program, dataDir, port, stopping).catch((error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
      return undefined;
    });
  }
  await engine?.stop();
}

/** Any answer will do: credentials are the SDK's affair. */
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
