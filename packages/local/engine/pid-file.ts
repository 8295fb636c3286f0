/**
 * PID files. Operating systems reuse process ids, so a PID file also holds the start time of its
 * process: a recorded process is never confused with a later one that has the same id.
 */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { codeOf } from "../error.ts";

const run = promisify(execFile);

/** Records a running process in a file. */
export async function writePidFile(file: string, pid: number): Promise<void> {
  await writeFile(file, `${pid} ${(await startTime(pid)) ?? ""}\n`);
}

/** The id of the recorded process if that process still runs, else undefined. */
export async function readPidFile(file: string): Promise<number | undefined> {
  const record = await readFile(file, "utf8").catch(() => "");
  const [, id, started] = /^(\d+) (.+)\n$/.exec(record) ?? [];
  if (id === undefined || started === undefined) return undefined;
  return (await startTime(Number(id))) === started ? Number(id) : undefined;
}

/** Waits until the recorded process has ended. Sends SIGKILL after `grace` milliseconds. */
export async function endRecordedProcess(file: string, grace: number): Promise<void> {
  const deadline = Date.now() + grace;
  for (;;) {
    const pid = await readPidFile(file);
    if (pid === undefined) return;
    if (Date.now() > deadline) sendSignal(pid, "SIGKILL");
    await sleep(20);
  }
}

/** Sends a signal to a process, or to a process group given as a negative id. It may have ended. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    const code = codeOf(cause);
    // macOS answers EPERM for a process group that holds only zombies.
    if (code !== "ESRCH" && code !== "EPERM") throw cause;
  }
}

/** A text that is the same for one process at any time, and differs for any other with its id. */
async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", `${pid}`]).catch(() => ({
      stdout: "",
    }));
    return stdout.trim() || undefined;
  }
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the command is in parentheses and may
  // hold spaces. The first field behind it is the state, the 20th the start time in ticks since boot.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[19];
  if (ticks === undefined || fields[0] === "Z") return undefined; // Z: ended, but not reaped yet
  return `${ticks} ${(await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()}`;
}
