import { routeKeyOf, routes, scopesOf } from "@stockwire/functions/api/policy";
import type { Evaluation } from "./evaluate.ts";
import { all, routesOf, statements } from "./stack.ts";

/** What must hold of every stage, as the list of what does not: tests plant faults to see it told. */

/** Each route of the policy with its scopes and authorizer, and nothing else but `$default`. */
function apiFaults(evaluation: Evaluation): string[] {
  const found = routesOf(evaluation, "ApiApi");
  const authorizer = all(evaluation, "apigatewayv2/authorizer").find(
    ({ inputs }) => inputs["apiId"] === "ApiApi-id",
  );
  const faults = authorizer?.inputs["authorizerType"] === "JWT" ? [] : ["no JWT authorizer"];
  for (const route of routes) {
    const key = routeKeyOf(route);
    const { authorizationType, authorizationScopes, authorizerId } = found.get(key) ?? {};
    const guarded =
      authorizationType === "JWT" &&
      authorizerId === `${authorizer?.name}-id` &&
      JSON.stringify(authorizationScopes ?? []) === JSON.stringify(scopesOf(route));
    if (!found.has(key)) faults.push(`${key} is missing`);
    else if (route.access === "open" ? authorizationType !== "NONE" : !guarded) {
      faults.push(`${key} is not guarded as the policy says`);
    }
  }
  const known = new Set([...routes.map(routeKeyOf), "$default"]);
  for (const key of found.keys()) if (!known.has(key)) faults.push(`${key} is not in the policy`);
  return faults;
}

/** `$connect` asks the authorizer; the other routes are of those that came through it. */
function liveFaults(evaluation: Evaluation): string[] {
  const connect = routesOf(evaluation, "LiveApi").get("$connect");
  const authorizer = all(evaluation, "apigatewayv2/authorizer").find(
    ({ inputs }) => inputs["apiId"] === "LiveApi-id",
  );
  const guarded =
    authorizer?.inputs["authorizerType"] === "REQUEST" &&
    connect?.["authorizationType"] === "CUSTOM" &&
    connect["authorizerId"] === `${authorizer.name}-id`;
  return guarded ? [] : ["$connect is open"];
}

/** X-Ray has no resources to name. */
const UNNAMED = /^xray:Put/;

/** Roles name each action and each resource, none scans, and Lambda alone may take one. */
function roleFaults(evaluation: Evaluation): string[] {
  const faults: string[] = [];
  for (const role of all(evaluation, "iam/role")) {
    const { assumeRolePolicy, managedPolicyArns } = role.inputs;
    if (/"AWS"|:root|"\*"/.test(String(assumeRolePolicy))) faults.push(`${role.name}: anybody`);
    if (managedPolicyArns?.length > 0) faults.push(`${role.name}: a policy of AWS's`);
    for (const { Effect, Action, Resource } of statements(role)) {
      if (Effect !== "Allow") continue;
      for (const action of Action) {
        if (action.includes("*")) faults.push(`${role.name}: ${action}`);
        if (/^dynamodb:(?:Scan|PartiQL)/.test(action)) faults.push(`${role.name}: ${action}`);
      }
      if (Resource.includes("*") && !Action.every((action) => UNNAMED.test(action))) {
        faults.push(`${role.name}: ${Action.join(" ")} on *`);
      }
    }
  }
  return faults;
}

/** What cannot be worked off ends up in a queue that an alarm watches. */
function deadLetterFaults(evaluation: Evaluation): string[] {
  const faults: string[] = [];
  const queues = all(evaluation, "sqs/queue");
  const arnOf = (name: string) => `arn:aws:sqs:us-east-1:123456789012:${name}`;
  const watched = all(evaluation, "cloudwatch/metricAlarm").flatMap(({ inputs }) =>
    inputs["metricName"] === "ApproximateNumberOfMessagesVisible"
      ? [arnOf(inputs["dimensions"].QueueName)]
      : [],
  );
  const check = (what: string, target: unknown) => {
    if (!queues.some(({ inputs }) => arnOf(inputs["name"]) === target)) {
      faults.push(`${what} has no dead letters`);
    } else if (!watched.includes(String(target))) {
      faults.push(`nobody watches the dead letters of ${what}`);
    }
  };
  for (const { name, inputs } of all(evaluation, "lambda/eventSourceMapping")) {
    if (String(inputs["eventSourceArn"]).includes(":dynamodb:")) {
      check(name, inputs["destinationConfig"]?.onFailure?.destinationArn);
      continue;
    }
    const source = queues.find((queue) => arnOf(queue.inputs["name"]) === inputs["eventSourceArn"]);
    check(
      source?.name ?? name,
      JSON.parse(source?.inputs["redrivePolicy"] ?? "{}").deadLetterTargetArn,
    );
  }
  return faults;
}

export const rules = { apiFaults, liveFaults, roleFaults, deadLetterFaults };
