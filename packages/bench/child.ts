import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A process of the benchmark that answers questions until it is stopped. */
export interface Child {
  ask<T>(question: string, detail?: unknown): Promise<T>;
  stop(): Promise<void>;
}

interface Question {
  id: number;
  question: string;
  detail: unknown;
}
type Reply = { id: number; value: unknown } | { id: number; error: string };

const kills = new Set<() => void>();

/** Has `kill` called if the run ends before it has ended `child`. */
export function endsWithRun(child: ChildProcess, kill: () => void): void {
  kills.add(kill);
  child.once("exit", () => kills.delete(kill));
}

/** Ends what a section that failed has left. */
export function stopChildren(): void {
  for (const kill of kills) kill();
}

/** Starts a file of this package; what it prints is thrown away, as a log would be. */
export function startChild(file: string, env: Record<string, string>): Child {
  const child = fork(join(import.meta.dirname, file), {
    env,
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  endsWithRun(child, () => child.kill("SIGKILL"));
  let count = 0;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", (reply: Reply) => {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("error" in reply) asked?.reject(new Error(`${file}: ${reply.error}`));
    else asked?.resolve(reply.value);
  });
  const ended = once(child, "exit");
  child.once("exit", () => {
    for (const asked of waiting.values()) asked.reject(new Error(`${file} ended`));
  });
  return {
    async ask<T>(question: string, detail?: unknown) {
      const asked = Promise.withResolvers<unknown>();
      const id = count++;
      waiting.set(id, asked);
      child.send({ id, question, detail } satisfies Question);
      return (await asked.promise) as T;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

const reply = (message: Reply) => process.send?.(message);

/** The child's side: answers questions by name. It ends with its parent, whatever happens there. */
export function answer(answers: Record<string, (detail: never) => unknown>): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", ({ id, question, detail }: Question) => {
    const run = async () => answers[question]?.(detail as never);
    run().then(
      (value) => reply({ id, value }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? "") : "?" }),
    );
  });
}
