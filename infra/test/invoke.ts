import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { bundles } from "./stack.ts";

/** A function that SST built, running in a process of its own, as in Lambda. */
export interface Running {
  /** Rejects with the message of the error that the handler throws. */
  invoke: <T>(event: unknown) => Promise<T>;
  /** Everything that the process has written to its output. */
  log: () => string;
  stop: () => void;
}

const PROGRAM = join(import.meta.dirname, "invoke-process.ts");

type Answer = { result: unknown } | { error: string };

/** Starts the function of an SST component. */
export async function start(
  component: string,
  environment: Record<string, string>,
): Promise<Running> {
  const bundle = join(bundles, `${component}-src`, "bundle.mjs");
  const child = fork(PROGRAM, [bundle], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (written += chunk.toString()));
  }
  const ended = once(child, "exit").then(() => {
    throw new Error(`${component} ended:\n${written}`);
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
