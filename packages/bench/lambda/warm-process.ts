/** A handler in a process of its own, invoked with one request at a time, as in Lambda. */

import { serve } from "../child.ts";
import { CONTEXT, type Operation } from "./operation.ts";

export interface WarmTask {
  bundle: string;
  operations: Operation[];
  warmUp: number; // invocations of each operation
  rounds: number;
}

/** Per operation, µs of an invocation. */
export type WarmTimes = Record<string, { cpu: number; wall: number }>;

const SLICE = 20; // invocations of one operation in a row

type Handler = (event: unknown, context: object) => Promise<{ statusCode: number }>;

async function slice(handler: Handler, { name, event, status }: Operation) {
  const events = Array.from({ length: SLICE }, () => JSON.parse(event) as unknown);
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (const each of events) {
    const { statusCode } = await handler(each, CONTEXT);
    if (statusCode !== status) throw new Error(`${name}: status ${statusCode}`);
  }
  const wall = (performance.now() - started) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: user + system, wall };
}

async function run({ bundle, operations, warmUp, rounds }: WarmTask): Promise<WarmTimes> {
  const { handler } = (await import(bundle)) as { handler: Handler };
  for (let done = 0; done < warmUp; done += SLICE) {
    for (const operation of operations) await slice(handler, operation);
  }
  const times: WarmTimes = {};
  for (let round = 0; round < rounds; round++) {
    for (const operation of operations) {
      const { cpu, wall } = await slice(handler, operation);
      const sum = (times[operation.name] ??= { cpu: 0, wall: 0 });
      sum.cpu += cpu / SLICE / rounds;
      sum.wall += wall / SLICE / rounds;
    }
  }
  return times;
}

serve({ run });
