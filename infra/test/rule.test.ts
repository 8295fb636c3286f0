import { describe, expect, test } from "vitest";
import type { Evaluation, Resource } from "./evaluate.ts";
import { rules } from "./rule.ts";
import { stack, stages, statements } from "./stack.ts";

/** Each rule holds of each stage, and tells what it is there to tell. */

describe.each(stages)("%s", (stage) => {
  test.each(Object.entries(rules))("S-185, S-194, S-195, S-347, C-21: %s: none", (_, rule) => {
    expect(rule(stack(stage))).toEqual([]);
  });
});

/** The stage with one resource changed, or without it. */
function changed(
  stage: string,
  name: string,
  change: (resource: Resource) => Resource | undefined,
): Evaluation {
  const evaluation = structuredClone(stack(stage));
  const resources = evaluation.resources.flatMap((each) =>
    each.name === name ? (change(each) ?? []) : each,
  );
  expect(resources).not.toEqual(evaluation.resources);
  return { ...evaluation, resources };
}

const having = (inputs: Record<string, unknown>) => (resource: Resource) => ({
  ...resource,
  inputs: { ...resource.inputs, ...inputs },
});

const allowing =
  (...Action: string[]) =>
  (resource: Resource) => {
    const Statement = [...statements(resource), { Effect: "Allow", Action, Resource: ["arn:x"] }];
    return having({ inlinePolicies: [{ policy: JSON.stringify({ Statement }) }] })(resource);
  };

const gone = () => undefined;

test.each<[string, keyof typeof rules, string, Parameters<typeof changed>[2], string]>([
  [
    "a scope is dropped",
    "apiFaults",
    "RoutePostItems",
    having({ authorizationScopes: ["write:items"] }),
    "POST /items is not guarded as the policy says",
  ],
  [
    "all scopes are dropped",
    "apiFaults",
    "RouteGetUsers",
    having({ authorizationScopes: undefined }),
    "GET /users is not guarded as the policy says",
  ],
  [
    "a route is opened",
    "apiFaults",
    "RouteGetMe",
    having({ authorizationType: "NONE" }),
    "GET /me is not guarded as the policy says",
  ],
  ["a route is missing", "apiFaults", "RouteGetItems", gone, "GET /items is missing"],
  [
    "a route is added",
    "apiFaults",
    "RouteGetHealth",
    having({ routeKey: "ANY /{proxy+}" }),
    "ANY /{proxy+} is not in the policy",
  ],
  [
    "the authorizer is gone",
    "apiFaults",
    "ApiAuthorizerTokenAuthorizer",
    gone,
    "no JWT authorizer",
  ],
  [
    "$connect is opened",
    "liveFaults",
    "LiveRouteConnectRoute",
    having({ authorizationType: "NONE" }),
    "$connect is open",
  ],
  ["a * action", "roleFaults", "HttpRole", allowing("dynamodb:*"), "HttpRole: dynamodb:*"],
  ["a scan", "roleFaults", "SweepRole", allowing("dynamodb:Scan"), "SweepRole: dynamodb:Scan"],
  [
    "the account's root",
    "roleFaults",
    "PostRole",
    having({ assumeRolePolicy: '{"Principal":{"AWS":"arn:aws:iam::1:root"}}' }),
    "PostRole: anybody",
  ],
  [
    "a policy of AWS's",
    "roleFaults",
    "HttpRole",
    having({ managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"] }),
    "HttpRole: a policy of AWS's",
  ],
  [
    "the stream's dead letters are gone",
    "deadLetterFaults",
    "StreamDeadLettersQueue",
    gone,
    "DataSubscriberToLogEventSourceMapping has no dead letters",
  ],
  [
    "the delivery's redrive is gone",
    "deadLetterFaults",
    "DeliveryQueue",
    having({ redrivePolicy: undefined }),
    "DeliveryQueue has no dead letters",
  ],
  [
    "an alarm is gone",
    "deadLetterFaults",
    "StreamDeadLetters",
    (resource) => (resource.type.includes("metricAlarm") ? undefined : resource),
    "nobody watches the dead letters of DataSubscriberToLogEventSourceMapping",
  ],
])("it is told when %s", (_, rule, name, change, fault) => {
  expect(rules[rule](changed("production", name, change))).toContain(fault);
});
