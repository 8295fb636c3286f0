/** Look-ups in the evaluated resources of a stage. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { inject } from "vitest";
import type { Evaluation, Resource } from "./evaluate.ts";
import type { Evaluated } from "./setup.ts";

const TIMEOUT = 300_000; // ms

/** Waits for the evaluation that setup.ts has started. Throws what made it fail. */
async function results(folder: string): Promise<Evaluated> {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const done = join(folder, "evaluated.json");
    if (existsSync(done)) return JSON.parse(readFileSync(done, "utf8")) as Evaluated;
    const failed = join(folder, "failed.txt");
    if (existsSync(failed)) throw new Error(readFileSync(failed, "utf8"));
    if (Date.now() > deadline) throw new Error("the stages have not been evaluated in time");
    await pause(200);
  }
}

export const evaluated = await results(inject("evaluated"));

/** A copy of `.sst/artifacts`, the functions that SST built. */
export const bundles = join(inject("evaluated"), "bundles");

export const stages = evaluated.stages.map(({ stage }) => stage);

const HANDLERS = join(import.meta.dirname, "../../packages/functions/src/handlers");

/** The names of all functions: there is one for each file of handlers. */
export const handlers = readdirSync(HANDLERS).map((file) => file.replace(/\.ts$/, ""));

/** The SST component of a function, by the name of its handler: `http` → `HttpHandler`. */
export const componentOf = (handler: string): string =>
  `${handler.charAt(0).toUpperCase()}${handler.slice(1)}Handler`;

export function stack(stage: string): Evaluation {
  const found = evaluated.stages.find((each) => each.stage === stage);
  if (found === undefined) throw new Error(`${stage} has not been evaluated`);
  return found;
}

/** All resources of a type, for example `dynamodb/table`, except those that are only looked up. */
export const all = ({ resources }: Evaluation, type: string): Resource[] =>
  resources.filter((each) => !each.read && each.type.startsWith(`aws:${type}:`));

/** The resource of a type and name. Throws if there is none, or more than one. */
export function one(evaluation: Evaluation, type: string, name: string): Resource {
  const found = all(evaluation, type).filter((each) => each.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${evaluation.stage} has ${found.length} × ${type} ${name}`);
  }
  return first;
}

export interface Statement {
  Effect: string;
  Action: string[];
  Resource: string[];
}

const list = (value: string | string[]): string[] => [value].flat();

/** The statements of a role's inline policies. */
export const statements = ({ inputs }: Resource): Statement[] =>
  ((inputs["inlinePolicies"] ?? []) as { policy: string }[]).flatMap(({ policy }) =>
    (JSON.parse(policy) as { Statement: Statement[] }).Statement.map((each) => ({
      ...each,
      Action: list(each.Action),
      Resource: list(each.Resource),
    })),
  );

/** The routes of an API, by key. */
export const routesOf = (evaluation: Evaluation, api: "ApiApi" | "LiveApi") =>
  new Map(
    all(evaluation, "apigatewayv2/route")
      .filter(({ inputs }) => inputs["apiId"] === `${api}-id`)
      .map(({ inputs }) => [String(inputs["routeKey"]), inputs]),
  );
