/**
 * Counts requests by plan, key and day. The file of counts is appended to before a request is
 * answered, so that a quota holds across restarts and `kill -9` of the server: once for all requests of
 * a turn of the event loop, while their functions wait.
 */

import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Requests of each key on each day. */
export interface UsageStore {
  /** Requests from a day on, which is written as `2026-01-31`. */
  since(plan: string, key: string, day: string): number;
  /** Counts one request, at once for `since`. The promise is fulfilled when it is stored. */
  add(plan: string, key: string, day: string): Promise<void>;
  /** Requests by day. */
  days(plan: string, key: string): ReadonlyMap<string, number>;
}

/** Counts that are gone when the process ends. */
export function createUsageMemory(): UsageStore {
  const counts = createCounts();
  return {
    ...counts,
    async add(plan, key, day) {
      counts.add(plan, key, day);
    },
  };
}

interface Counts extends Pick<UsageStore, "since" | "days"> {
  add(plan: string, key: string, day: string, count?: number): void;
  entries(): { plan: string; key: string; day: string; count: number }[];
}

function createCounts(): Counts {
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
  const counts = load(path);
  const lineOf = (plan: string, key: string, day: string, count: number) =>
    `${JSON.stringify([plan, key, day, count])}\n`;
  writeFileSync(
    `${path}.new`,
    counts
      .entries()
      .map(({ plan, key, day, count }) => lineOf(plan, key, day, count))
      .join(""),
  );
  renameSync(`${path}.new`, path);
  const file = openSync(path, "a");
  let isOpen = true;
  let batch: { lines: string; stored: Promise<void> } | undefined;
  const write = () => {
    const lines = batch?.lines;
    batch = undefined;
    // To the operating system, which keeps it when this process is killed. After `close` the
    // descriptor may be that of another file.
    if (isOpen && lines !== undefined) writeSync(file, lines);
  };
  const writeLater = async () => {
    // Two turns, since functions send their own requests at the end of the first.
    await nextTurn();
    await nextTurn();
    write();
  };
  return {
    since: (plan, key, day) => counts.since(plan, key, day),
    days: (plan, key) => counts.days(plan, key),
    add(plan, key, day) {
      counts.add(plan, key, day);
      batch ??= { lines: "", stored: writeLater() };
      batch.lines += lineOf(plan, key, day, 1);
      return batch.stored;
    },
    close() {
      write();
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

function load(path: string): Counts {
  const counts = createCounts();
  for (const line of read(path).split("\n")) {
    const entry = parse(line);
    if (entry) counts.add(...entry);
  }
  return counts;
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
