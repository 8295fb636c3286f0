/**
 * Counts requests by plan, key and day. The file of counts is appended to before a request is
 * answered, so that a quota holds across restarts and `kill -9` of the server.
 */

import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";

/** Requests of each key on each day. */
export interface UsageStore {
  /** Requests from a day on, which is written as `2026-01-31`. */
  since(plan: string, key: string, day: string): number;
  /** Counts one request. It is stored when this returns. */
  add(plan: string, key: string, day: string): void;
  /** Requests by day. */
  days(plan: string, key: string): ReadonlyMap<string, number>;
}

/** Counts that are gone when the process ends. */
export function createUsageMemory(): UsageStore & {
  entries(): { plan: string; key: string; day: string; count: number }[];
  add(plan: string, key: string, day: string, count?: number): void;
} {
  const counts = new Map<string, Map<string, number>>(); // days by plan and key
  const idOf = (plan: string, key: string) => JSON.stringify([plan, key]);
  const daysOf = (plan: string, key: string) => counts.get(idOf(plan, key)) ?? new Map();
  return {
    since(plan, key, day) {
      let sum = 0;
      for (const [on, count] of daysOf(plan, key)) if (on >= day) sum += count;
      return sum;
    },
    add(plan, key, day, count = 1) {
      const days = daysOf(plan, key);
      days.set(day, (days.get(day) ?? 0) + count);
      counts.set(idOf(plan, key), days);
    },
    days: daysOf,
    entries: () =>
      [...counts].flatMap(([id, days]) => {
        const [plan = "", key = ""] = JSON.parse(id) as string[];
        return [...days].map(([day, count]) => ({ plan, key, day, count }));
      }),
  };
}

/** Reads a file of counts without changing it: the gateway that counts may be running. */
export function readUsageFile(path: string): Pick<UsageStore, "since" | "days"> {
  return load(path);
}

/**
 * Opens a file of counts, with one JSON array `[plan, key, day, count]` a line, and compacts it. A last
 * line that a crash cut off is left out. A request that is counted after `close` is not stored: its
 * gateway has stopped, and its client gets no answer.
 */
export function openUsageFile(path: string): UsageStore & { close(): void } {
  const memory = load(path);
  const lineOf = (plan: string, key: string, day: string, count: number) =>
    `${JSON.stringify([plan, key, day, count])}\n`;
  writeFileSync(
    `${path}.new`,
    memory
      .entries()
      .map(({ plan, key, day, count }) => lineOf(plan, key, day, count))
      .join(""),
  );
  renameSync(`${path}.new`, path);
  const file = openSync(path, "a");
  let isOpen = true;
  return {
    since: (plan, key, day) => memory.since(plan, key, day),
    days: (plan, key) => memory.days(plan, key),
    add(plan, key, day) {
      // To the operating system, which keeps it when this process is killed. After `close` the
      // descriptor may be that of another file.
      if (isOpen) writeSync(file, lineOf(plan, key, day, 1));
      memory.add(plan, key, day);
    },
    close() {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

function load(path: string): ReturnType<typeof createUsageMemory> {
  const memory = createUsageMemory();
  for (const line of read(path).split("\n")) {
    const entry = parse(line);
    if (entry) memory.add(...entry);
  }
  return memory;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

function parse(line: string): [string, string, string, number] | undefined {
  try {
    const [plan, key, day, count] = JSON.parse(line) as unknown[];
    return typeof plan === "string" &&
      typeof key === "string" &&
      typeof day === "string" &&
      typeof count === "number"
      ? [plan, key, day, count]
      : undefined;
  } catch {
    return undefined;
  }
}
