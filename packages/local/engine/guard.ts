import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LocalError } from "../error.ts";
import { signal } from "./process.ts";

/** A program that does not outlive this process. */
export interface Guarded {
  readonly pid: number;
  /** Settles when the program has ended, with the last line that it wrote. */
  readonly ended: Promise<string>;
  /** SIGTERM, and SIGKILL if the program is still there a second later. */
  stop(): Promise<void>;
}

const PATIENCE = 1000; // ms

const SCRIPT = fileURLToPath(new URL("guard.sh", import.meta.url));

/**
 * Starts a program under guard.sh, which ends it within 10 ms when this process is gone. They are
 * a process group of their own: Ctrl-C reaches only this process, which can drain before `stop`,
 * and a guard that is killed takes its program along.
 */
export async function startGuarded(command: string, args: readonly string[]): Promise<Guarded> {
  const guard = spawn("/bin/sh", [SCRIPT, command, ...args], { detached: true });
  const closed = once(guard, "close");
  const first = createInterface(guard.stdout)[Symbol.asyncIterator]().next();
  let last = "";
  createInterface(guard.stderr).on("line", (line) => {
    if (!/^\s*$|^\s+(at |\.\.\. )/.test(line)) last = line.trim(); // not Java's stack
  });

  const line = await Promise.race([first, closed]).catch((cause: unknown) => {
    throw new LocalError(`/bin/sh does not start: set DYNAMODB_ENDPOINT instead`, { cause });
  });
  const pid = Number("value" in line ? line.value : undefined);
  const group = -(guard.pid ?? 0);
  if (!pid || !group) throw new LocalError(`${command} does not start: ${last}`);

  guard.once("exit", (_, killed) => killed && signal(group, "SIGKILL"));
  const ended = closed.then(() => last);
  return {
    pid,
    ended,
    async stop() {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      const timer = setTimeout(() => signal(group, "SIGKILL"), PATIENCE);
      signal(pid, "SIGTERM");
      await ended;
      clearTimeout(timer);
    },
  };
}
