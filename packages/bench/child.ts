import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/**
 * Child processes of the benchmark, called by message. A section measures in processes of their own
 * what must not share a CPU thread. No child outlives the run.
 */
export interface Child {
  /** Calls a method of the child's `serve`. Rejects with its error, or if the child exits. */
  call<T>(method: string, argument?: unknown): Promise<T>;
  stop(): Promise<void>;
}

interface Request {
  id: number;
  method: string;
  argument: unknown;
}
type Reply = { id: number; value: unknown } | { id: number; error: string };

const kills = new Set<() => void>();

/** Makes `killChildren` call `kill`, unless `child` has exited by then. */
export function killWithRun(child: ChildProcess, kill: () => void): void {
  kills.add(kill);
  child.once("exit", () => kills.delete(kill));
}

/** Kills the processes that a failed section has left. */
export function killChildren(): void {
  for (const kill of kills) kill();
}

/** Starts a file of this package. Its standard output is discarded, like a log. */
export function startChild(file: string, env: Record<string, string>): Child {
  const child = fork(join(import.meta.dirname, file), {
    env,
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  killWithRun(child, () => child.kill("SIGKILL"));
  let count = 0;
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", (reply: Reply) => {
    const request = pending.get(reply.id);
    pending.delete(reply.id);
    if ("error" in reply) request?.reject(new Error(`${file}: ${reply.error}`));
    else request?.resolve(reply.value);
  });
  const ended = once(child, "exit");
  child.once("exit", () => {
    for (const request of pending.values()) request.reject(new Error(`${file} exited`));
  });
  return {
    async call<T>(method: string, argument?: unknown) {
      const request = Promise.withResolvers<unknown>();
      const id = count++;
      pending.set(id, request);
      child.send({ id, method, argument } satisfies Request);
      return (await request.promise) as T;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

const reply = (message: Reply) => process.send?.(message);

/** Serves calls in the child process, which exits together with its parent. */
export function serve(methods: Record<string, (argument: never) => unknown>): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", ({ id, method, argument }: Request) => {
    const run = async () => methods[method]?.(argument as never);
    run().then(
      (value) => reply({ id, value }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? "") : "?" }),
    );
  });
}
