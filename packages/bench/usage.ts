/** CPU time and memory of a process, from Linux's /proc. */

import { readFile } from "node:fs/promises";

const TICK = 10; // ms; USER_HZ is 100 on every platform that Node supports

/** CPU time of a process so far, in ms. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The fields after the name in parentheses start with field 3, the state. utime is field 14,
  // stime is field 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** Resident memory of a process, in MB. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
