/** Each rule holds in each stage, and each finds the faults that it is meant to find. */

import { describe, expect, test } from "vitest";
import type { Evaluation, Resource } from "./evaluate.ts";
import { rules } from "./rule.ts";
import { stack, stages, statements } from "./stack.ts";

describe.each(stages)("%s", (stage) => {
  test.each(Object.entries(rules))("%s finds nothing", (_, rule) => {
    expect(rule(stack(stage))).toEqual([]);
  });
});

/** The stage with one resource changed, or removed if `change` returns undefined. */
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

const withInputs = (inputs: Record<string, unknown>) => (resource: Resource) => ({
  ...resource,
  inputs: { ...resource.inputs, ...inputs },
});

const withGrant =
  (...Action: string[]) =>
  (resource: Resource) => {
    const Statement = [...statements(resource), { Effect: "Allow", Action, Resource: ["arn:x"] }];
    return withInputs({ inlinePolicies: [{ policy: JSON.stringify({ Statement }) }] })(resource);
  };

const removed = () => undefined;

test.each<[string, keyof typeof rules, string, Parameters<typeof changed>[2], string]>([
  [
    "a scope is dropped",
    "apiFaults",
    "RoutePostItems",
    withInputs({ authorizationScopes: ["write:items"] }),
    "POST /items is not protected as the policy requires",
  ],
  [
    "all scopes are dropped",
    "apiFaults",
    "RouteGetUsers",
    withInputs({ authorizationScopes: undefined }),
    "GET /users is not protected as the policy requires",
  ],
  [
    "a route is opened",
    "apiFaults",
    "RouteGetMe",
    withInputs({ authorizationType: "NONE" }),
    "GET /me is not protected as the policy requires",
  ],
  ["a route is missing", "apiFaults", "RouteGetItems", removed, "GET /items is missing"],
  [
    "a route is added",
    "apiFaults",
    "RouteGetHealth",
    withInputs({ routeKey: "ANY /{proxy+}" }),
    "ANY /{proxy+} is not in the policy",
  ],
  [
    "the authorizer is removed",
    "apiFaults",
    "ApiAuthorizerTokenAuthorizer",
    removed,
    "no JWT authorizer",
  ],
  [
    "$connect is opened",
    "liveFaults",
    "LiveRouteConnectRoute",
    withInputs({ authorizationType: "NONE" }),
    "$connect is open",
  ],
  [
    "a domain is mapped to a stage that does not exist",
    "mappingFaults",
    "LiveDomainMapping",
    withInputs({ stage: "$default" }),
    "LiveDomainMapping: LiveApi-id has no stage $default",
  ],
  [
    "a domain is mapped before its stage exists",
    "mappingFaults",
    "LiveDomainMapping",
    (resource) => ({ ...resource, dependsOn: [] }),
    "LiveDomainMapping does not wait for LiveStage",
  ],
  [
    "a * action",
    "roleFaults",
    "HttpHandlerRole",
    withGrant("dynamodb:*"),
    "HttpHandlerRole: dynamodb:*",
  ],
  [
    "a scan",
    "roleFaults",
    "SweepHandlerRole",
    withGrant("dynamodb:Scan"),
    "SweepHandlerRole: dynamodb:Scan",
  ],
  [
    "a role that the account's root may assume",
    "roleFaults",
    "DeliverHandlerRole",
    withInputs({ assumeRolePolicy: '{"Principal":{"AWS":"arn:aws:iam::1:root"}}' }),
    "DeliverHandlerRole: anyone may assume it",
  ],
  [
    "a managed policy",
    "roleFaults",
    "HttpHandlerRole",
    withInputs({ managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"] }),
    "HttpHandlerRole: a managed policy",
  ],
  [
    "the stream's dead-letter queue is removed",
    "deadLetterFaults",
    "StreamDeadLettersQueue",
    removed,
    "DataSubscriberToLogEventSourceMapping has no dead-letter queue",
  ],
  [
    "the delivery queue's redrive policy is removed",
    "deadLetterFaults",
    "DeliveryQueue",
    withInputs({ redrivePolicy: undefined }),
    "DeliveryQueue has no dead-letter queue",
  ],
  [
    "an alarm is removed",
    "deadLetterFaults",
    "StreamDeadLetters",
    (resource) => (resource.type.includes("metricAlarm") ? undefined : resource),
    "the dead-letter queue of DataSubscriberToLogEventSourceMapping has no alarm",
  ],
])("a planted fault is found: %s", (_, rule, name, change, fault) => {
  expect(rules[rule](changed("production", name, change))).toContain(fault);
});
