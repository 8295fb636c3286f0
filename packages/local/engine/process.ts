import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Remembers a process in a file, by its id and by when it began, since ids are used again. */
export async function recordProcess(file: string, pid: number): Promise<void> {
  await writeFile(file, `${pid} ${(await beginning(pid)) ?? ""}\n`);
}

/** The id of the recorded process if that very process still lives. */
export async function livingProcess(file: string): Promise<number | undefined> {
  const record = await readFile(file, "utf8").catch(() => "");
  const [, id, began] = /^(\d+) (.+)\n$/.exec(record) ?? [];
  if (id === undefined || began === undefined) return undefined;
  return (await beginning(Number(id))) === began ? Number(id) : undefined;
}

/** Waits for the recorded process to end, and ends it after `grace` milliseconds. */
export async function endProcess(file: string, grace: number): Promise<void> {
  const deadline = Date.now() + grace;
  for (;;) {
    const pid = await livingProcess(file);
    if (pid === undefined) return;
    if (Date.now() > deadline) signal(pid, "SIGKILL");
    await sleep(20);
  }
}

/** Sends a signal to a process, or a group by its negative, that may be gone already. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause && cause.code;
    // EPERM is what macOS says of a group of zombies.
    if (code !== "ESRCH" && code !== "EPERM") throw cause;
  }
}

async function beginning(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", `${pid}`]).catch(() => ({
      stdout: "",
    }));
    return stdout.trim() || undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // After the command in parentheses: the state, and as the twentieth the ticks since boot.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[19];
  if (ticks === undefined || fields[0] === "Z") return undefined;
  return `${ticks} ${(await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()}`;
}
