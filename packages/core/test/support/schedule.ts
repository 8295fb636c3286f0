/**
 * Explores all orders in which some processes can make their calls. Each call is held back until
 * the schedule chooses it. The processes are run again for each order, since they are real code.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as settled } from "node:timers/promises";
import type { Client } from "../../src/store/client.ts";
import { type Command, intercepted } from "./intercept.ts";

/** The partitions that a step reads or writes. Without partitions it may touch anything. */
interface Footprint {
  partitions: ReadonlySet<string>;
  reads: boolean;
}

interface Step extends Footprint {
  name: string; // the same in all schedules that begin with the same steps
}

/** A step that waits to be chosen. */
interface HeldStep extends Step {
  process: number;
  run: () => Promise<unknown>;
}

const running = new AsyncLocalStorage<number>();
let held: HeldStep[] = [];
let steps: number[] = [];

/**
 * Returns a client that holds back the calls of a schedule's processes, and no others. Calls that
 * `isFree` are not held back: they meet nothing that another process writes.
 */
export const scheduled = (
  client: Client,
  isFree: (command: Command) => boolean = () => false,
): Client =>
  intercepted(client, (command, send) =>
    isFree(command) ? send() : step(send, footprintOf(command)),
  );

function footprintOf({ operation, input }: Command): Footprint {
  const keys = JSON.stringify(input).matchAll(/"(?:pk|gsi1pk|:pk|:feed)":"((?:[^"\\]|\\.)*)"/g);
  return {
    partitions: new Set(Array.from(keys, ([, partition = ""]) => partition)),
    reads: operation === "GetItem" || operation === "Query",
  };
}

const ANYTHING: Footprint = { partitions: new Set(), reads: false };

/** Makes `work` one step of a process, with all the calls that it makes. */
export function step<T>(work: () => Promise<T>, footprint = ANYTHING): Promise<T> {
  const process = running.getStore();
  if (process === undefined) return work();
  const number = (steps[process] ?? 0) + 1;
  steps[process] = number;
  return new Promise<T>((resolve, reject) => {
    const release = () => running.exit(work).then(resolve, reject);
    held.push({ process, name: `${process}.${number}`, run: release, ...footprint });
  });
}

/** True if two steps lead to the same state, whichever comes first. */
const commute = (a: Footprint, b: Footprint): boolean =>
  (a.reads && b.reads) ||
  (a.partitions.size > 0 && b.partitions.size > 0 && a.partitions.isDisjointFrom(b.partitions));

/** A point at which a schedule chooses the next step. */
interface Choice {
  options: readonly Step[];
  chosen: number;
  /** Steps that need not be chosen here: what follows has been explored in another order. */
  asleep: ReadonlyMap<string, Step>;
}

/**
 * Runs the processes along the given choices and then to their end, adding choices. Returns false
 * if the rest has been explored already.
 */
async function run(
  processes: readonly (() => Promise<unknown>)[],
  choices: Choice[],
  reduced: boolean,
): Promise<boolean> {
  held = [];
  steps = [];
  let left = processes.length;
  const failures: unknown[] = [];
  for (const [index, process] of processes.entries()) {
    void running
      .run(index, process)
      .catch((error: unknown) => failures.push(error))
      .finally(() => left--);
  }
  for (let depth = 0; ; depth++) {
    await settled(); // every process has ended or is held
    if (failures.length > 0) throw failures[0];
    if (held.length === 0 && left === 0) return true;
    if (held.length === 0) throw new Error("a process waits for something that is not a step");
    held.sort((a, b) => a.process - b.process);
    const choice = (choices[depth] ??= {
      options: held.map(({ name, partitions, reads }) => ({ name, partitions, reads })),
      chosen: -1,
      asleep: reduced ? stillAsleep(choices[depth - 1]) : new Map<string, Step>(),
    });
    if (choice.chosen < 0 && !wake(choice)) return false;
    const [next] = held.splice(choice.chosen, 1);
    await next?.run();
  }
}

/** Returns the steps that need not be chosen after a choice either. */
function stillAsleep(choice: Choice | undefined): Map<string, Step> {
  const chosen = choice?.options[choice.chosen];
  if (choice === undefined || chosen === undefined) return new Map();
  const earlier = choice.options.slice(0, choice.chosen).map((one) => [one.name, one] as const);
  return new Map([...choice.asleep, ...earlier].filter(([, one]) => commute(one, chosen)));
}

/** Chooses the next option that must be explored. Returns false if there is none. */
function wake(choice: Choice): boolean {
  const { options, asleep } = choice;
  do choice.chosen++;
  while (asleep.has(options[choice.chosen]?.name ?? ""));
  return choice.chosen < options.length;
}

export interface Case {
  processes: readonly (() => Promise<unknown>)[];
  /** Says what is wrong once all processes have ended; undefined if nothing is. */
  verdict: () => string | undefined;
}

/**
 * Runs every schedule of the processes that `begin` returns, and counts those with a wrong result.
 * If `reduced`, it leaves out schedules that differ from another only in the order of commuting
 * steps.
 */
export async function explore(
  begin: () => Promise<Case>,
  { reduced = false } = {},
): Promise<{ schedules: number; lossy: number; example: string | undefined }> {
  const found = { schedules: 0, lossy: 0, example: undefined as string | undefined };
  const choices: Choice[] = [];
  do {
    const { processes, verdict } = await begin();
    if (!(await run(processes, choices, reduced))) continue;
    found.schedules++;
    const wrong = verdict();
    if (wrong === undefined) continue;
    found.lossy++;
    found.example ??= `${wrong} after ${choices.map((one) => one.options[one.chosen]?.name).join(" ")}`;
  } while (advance(choices));
  return found;
}

/** Moves to the next schedule, depth first. Returns false after the last. */
function advance(choices: Choice[]): boolean {
  for (let last = choices.at(-1); last; choices.pop(), last = choices.at(-1)) {
    if (last.chosen < last.options.length && wake(last)) return true;
  }
  return false;
}
