import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inject } from "vitest";

/** A function as SST built it, in a process of its own, as Lambda runs it. */
export interface Running {
  /** Throws what the function throws. */
  invoke: <T>(event: unknown) => Promise<T>;
  /** What it wrote to its log. */
  log: () => string;
  stop: () => void;
}

const PROGRAM = join(import.meta.dirname, "invoke-process.ts");

type Answer = { result: unknown } | { error: string };

export async function start(
  functionName: string,
  environment: Record<string, string>,
): Promise<Running> {
  const bundle = join(inject("bundles"), `${functionName}-src`, "bundle.mjs");
  const child = fork(PROGRAM, [bundle], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (written += chunk.toString()));
  }
  const ended = once(child, "exit").then(() => {
    throw new Error(`${functionName} ended:\n${written}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, "message"), ended]);
  return {
    invoke: async <T>(event: unknown) => {
      child.send({ event });
      const [answer] = (await Promise.race([once(child, "message"), ended])) as [Answer];
      if ("error" in answer) throw new Error(answer.error);
      return answer.result as T;
    },
    log: () => written,
    stop: () => void child.kill(),
  };
}
