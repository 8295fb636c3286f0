/**
 * Runs a child process that cannot outlive this process, however this process ends. An orphaned
 * engine would keep the database file open and make the next start fail.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LocalError } from "../error.ts";
import { sendSignal } from "./pid-file.ts";

/** A running child process under the watchdog. */
export interface Child {
  readonly pid: number;
  /** Resolves with the last line that the program printed to stderr, once the program has ended. */
  readonly ended: Promise<string>;
  /** Sends SIGTERM, and SIGKILL if the program still runs one second later. */
  stop(): Promise<void>;
}

const KILL_AFTER = 1000; // ms

const SCRIPT = fileURLToPath(new URL("watchdog.sh", import.meta.url));

/**
 * Starts a program under watchdog.sh, which ends it within 10 ms after this process is gone. Both
 * run in a process group of their own, for two reasons: Ctrl-C reaches only this process, which can
 * finish its requests before it calls `stop`; and if the watchdog itself is killed, the program is
 * killed through the group. Throws LocalError if the program cannot be started.
 */
export async function startChild(command: string, args: readonly string[]): Promise<Child> {
  const watchdog = spawn("/bin/sh", [SCRIPT, command, ...args], { detached: true });
  const closed = once(watchdog, "close");
  const firstLine = createInterface(watchdog.stdout)[Symbol.asyncIterator]().next();
  let lastLine = "";
  createInterface(watchdog.stderr).on("line", (line) => {
    const isStackTrace = /^\s+(at |\.\.\. )/.test(line); // of a Java exception
    if (line.trim() !== "" && !isStackTrace) lastLine = line.trim();
  });

  const line = await Promise.race([firstLine, closed]).catch((cause: unknown) => {
    throw new LocalError(`/bin/sh does not start: set DYNAMODB_ENDPOINT instead`, { cause });
  });
  const pid = Number("value" in line ? line.value : undefined);
  const group = -(watchdog.pid ?? 0);
  if (!pid || !group) throw new LocalError(`${command} does not start: ${lastLine}`);

  watchdog.once("exit", (_, killed) => killed && sendSignal(group, "SIGKILL"));
  const ended = closed.then(() => lastLine);
  return {
    pid,
    ended,
    async stop() {
      if (watchdog.exitCode !== null || watchdog.signalCode !== null) return;
      const timer = setTimeout(() => sendSignal(group, "SIGKILL"), KILL_AFTER);
      sendSignal(pid, "SIGTERM");
      await ended;
      clearTimeout(timer);
    },
  };
}
