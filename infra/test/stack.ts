import { inject } from "vitest";
import type { Evaluation, Resource } from "./evaluate.ts";

/** Shorthands for what a stage consists of. */

export const stages = inject("evaluations").map(({ stage }) => stage);

export function stack(stage: string): Evaluation {
  const found = inject("evaluations").find((each) => each.stage === stage);
  if (found === undefined) throw new Error(`${stage} has not been evaluated`);
  return found;
}

/** `dynamodb/table` → all of them; those that are looked up are left out. */
export const all = ({ resources }: Evaluation, kind: string): Resource[] =>
  resources.filter(({ type, read }) => !read && type.startsWith(`aws:${kind}:`));

export function one(evaluation: Evaluation, kind: string, name: string): Resource {
  const found = all(evaluation, kind).filter((each) => each.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${evaluation.stage} has ${found.length} × ${kind} ${name}`);
  }
  return first;
}

export interface Statement {
  Effect: string;
  Action: string[];
  Resource: string[];
}

const list = (value: string | string[]): string[] => [value].flat();

/** What a role's own policies allow. */
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
