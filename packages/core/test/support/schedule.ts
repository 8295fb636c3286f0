import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as settled } from "node:timers/promises";
import { type Command, intercepted } from "./intercept.ts";

/**
 * All orders in which some processes can make their calls. Each call of a process is held until it
 * is its turn; the code is run anew for each order, as real code must be.
 */

/** What a step touches: partitions, read or written. One that is empty may touch anything. */
interface Footprint {
  partitions: ReadonlySet<string>;
  reads: boolean;
}

interface Step extends Footprint {
  name: string; // the same whenever the steps before it are the same
}

interface Held extends Step {
  process: number;
  go: () => Promise<unknown>;
}

const running = new AsyncLocalStorage<number>();
let held: Held[] = [];
let steps: number[] = [];

/** Calls that a process of a schedule makes are held; all others go through. */
export const scheduled = (client: DynamoDBDocumentClient): DynamoDBDocumentClient =>
  intercepted(client, (command, send) => step(send, footprintOf(command)));

function footprintOf({ constructor: { name }, input }: Command): Footprint {
  const keys = JSON.stringify(input).matchAll(/"(?:pk|gsi1pk|:pk|:feed)":"((?:[^"\\]|\\.)*)"/g);
  return {
    partitions: new Set(Array.from(keys, ([, partition = ""]) => partition)),
    reads: name === "GetCommand" || name === "QueryCommand",
  };
}

const ANYTHING: Footprint = { partitions: new Set(), reads: false };

/** One step of a process, whatever calls it makes: it happens at once, when it is its turn. */
export function step<T>(work: () => Promise<T>, footprint = ANYTHING): Promise<T> {
  const process = running.getStore();
  if (process === undefined) return work();
  const number = (steps[process] ?? 0) + 1;
  steps[process] = number;
  return new Promise<T>((resolve, reject) => {
    const go = () => running.exit(work).then(resolve, reject);
    held.push({ process, name: `${process}.${number}`, go, ...footprint });
  });
}

/** Whether two steps that could both be next lead to the same, whichever comes first. */
const commute = (a: Footprint, b: Footprint): boolean =>
  (a.reads && b.reads) ||
  (a.partitions.size > 0 && b.partitions.size > 0 && a.partitions.isDisjointFrom(b.partitions));

/** A place where a schedule chooses. */
interface Choice {
  options: readonly Step[];
  chosen: number;
  /** Steps that have been, or need not be, chosen here: what follows was seen in another order. */
  asleep: ReadonlyMap<string, Step>;
}

/** Runs processes as the choices say, then on, adding choices; false for what was seen already. */
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
    await settled(); // every process has ended or waits for a turn
    if (failures.length > 0) throw failures[0];
    if (held.length === 0 && left === 0) return true;
    if (held.length === 0) throw new Error("a process waits for what no schedule decides");
    held.sort((a, b) => a.process - b.process);
    const choice = (choices[depth] ??= {
      options: held.map(({ name, partitions, reads }) => ({ name, partitions, reads })),
      chosen: -1,
      asleep: reduced ? stillAsleep(choices[depth - 1]) : new Map<string, Step>(),
    });
    if (choice.chosen < 0 && !wake(choice)) return false;
    const [next] = held.splice(choice.chosen, 1);
    await next?.go();
  }
}

/** Steps that need not be chosen after a choice either. */
function stillAsleep(choice: Choice | undefined): Map<string, Step> {
  const chosen = choice?.options[choice.chosen];
  if (choice === undefined || chosen === undefined) return new Map();
  const earlier = choice.options.slice(0, choice.chosen).map((one) => [one.name, one] as const);
  return new Map([...choice.asleep, ...earlier].filter(([, one]) => commute(one, chosen)));
}

/** Goes on to the next option that must be chosen, if there is one. */
function wake(choice: Choice): boolean {
  const { options, asleep } = choice;
  do choice.chosen++;
  while (asleep.has(options[choice.chosen]?.name ?? ""));
  return choice.chosen < options.length;
}

export interface Case {
  processes: readonly (() => Promise<unknown>)[];
  /** What is wrong once all have ended; undefined if nothing is. */
  verdict: () => string | undefined;
}

/**
 * Runs every schedule of the processes that `begin` makes, and counts those that lose something.
 * Reduced, it leaves out those that differ from another only in the order of steps that commute.
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

/** On to the next schedule, depth first; false after the last. */
function advance(choices: Choice[]): boolean {
  for (let last = choices.at(-1); last; choices.pop(), last = choices.at(-1)) {
    if (last.chosen < last.options.length && wake(last)) return true;
  }
  return false;
}
