/**
 * Rules for every stage. Each returns its violations, one text each, so that a test can also plant a
 * fault and expect the violation.
 */

import { routeKeyOf, routes, scopesOf } from "@stockwire/functions/api/policy";
import type { Evaluation } from "./evaluate.ts";
import { modelFaults } from "./model/check.ts";
import { cacheFaults, deploymentFaults, partnerFaults } from "./partner-rule.ts";
import { metricFaults, permissionFaults, referenceFaults } from "./reference.ts";
import { all, routesOf, statements } from "./stack.ts";

/** The API has the routes of the policy, with their scopes and authorizer, and `$default`. */
function apiFaults(evaluation: Evaluation): string[] {
  const found = routesOf(evaluation, "ApiApi");
  const authorizer = all(evaluation, "apigatewayv2/authorizer").find(
    ({ inputs }) => inputs["apiId"] === "ApiApi-id",
  );
  const faults = authorizer?.inputs["authorizerType"] === "JWT" ? [] : ["no JWT authorizer"];
  for (const route of routes) {
    const key = routeKeyOf(route);
    const { authorizationType, authorizationScopes, authorizerId } = found.get(key) ?? {};
    const isProtected =
      authorizationType === "JWT" &&
      authorizerId === `${authorizer?.name}-id` &&
      JSON.stringify(authorizationScopes ?? []) === JSON.stringify(scopesOf(route));
    if (!found.has(key)) faults.push(`${key} is missing`);
    else if (route.access === "open" ? authorizationType !== "NONE" : !isProtected) {
      faults.push(`${key} is not protected as the policy requires`);
    }
  }
  const known = new Set([...routes.map(routeKeyOf), "$default"]);
  for (const key of found.keys()) if (!known.has(key)) faults.push(`${key} is not in the policy`);
  return faults;
}

/** `$connect` has the authorizer. API Gateway authorizes no other route of a WebSocket API. */
function liveFaults(evaluation: Evaluation): string[] {
  const connect = routesOf(evaluation, "LiveApi").get("$connect");
  const authorizer = all(evaluation, "apigatewayv2/authorizer").find(
    ({ inputs }) => inputs["apiId"] === "LiveApi-id",
  );
  const isProtected =
    authorizer?.inputs["authorizerType"] === "REQUEST" &&
    connect?.["authorizationType"] === "CUSTOM" &&
    connect["authorizerId"] === `${authorizer.name}-id`;
  return isProtected ? [] : ["$connect is open"];
}

/** Each domain maps to an API and a stage of it that exist, and is mapped after the stage. */
function mappingFaults(evaluation: Evaluation): string[] {
  const found = all(evaluation, "apigatewayv2/stage");
  const ofRest = all(evaluation, "apigateway/basePathMapping").flatMap(({ name, inputs }) =>
    all(evaluation, "apigateway/stage").some(
      (each) =>
        each.inputs["restApi"] === inputs["restApi"] &&
        each.inputs["stageName"] === inputs["stageName"],
    )
      ? []
      : [`${name}: ${inputs["restApi"]} has no stage ${inputs["stageName"]}`],
  );
  const ofOthers = all(evaluation, "apigatewayv2/apiMapping").flatMap(
    ({ name, inputs, dependsOn = [] }) => {
      const stage = found.find(
        (each) =>
          each.inputs["apiId"] === inputs["apiId"] && each.inputs["name"] === inputs["stage"],
      );
      if (!stage) return [`${name}: ${inputs["apiId"]} has no stage ${inputs["stage"]}`];
      return dependsOn.includes(stage.id) ? [] : [`${name} does not wait for ${stage.name}`];
    },
  );
  return [...ofOthers, ...ofRest];
}

/** X-Ray has no resource-level permissions. */
const WITHOUT_RESOURCE = /^xray:Put/;

/**
 * The policy of the role with which an account's API Gateway writes logs. SST creates the role in an
 * account that has none. https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
 */
const LOGS_OF_GATEWAY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";

/** Roles allow single actions on single resources, never a scan, and only to AWS services. */
function roleFaults(evaluation: Evaluation): string[] {
  const faults: string[] = [];
  for (const role of all(evaluation, "iam/role")) {
    const { assumeRolePolicy, managedPolicyArns } = role.inputs;
    if (/"AWS"|:root|"\*"/.test(String(assumeRolePolicy)))
      faults.push(`${role.name}: anyone may assume it`);
    const managed = (managedPolicyArns ?? []).filter((arn: string) => arn !== LOGS_OF_GATEWAY);
    if (managed.length > 0) faults.push(`${role.name}: a managed policy`);
    for (const { Effect, Action, Resource } of statements(role)) {
      if (Effect !== "Allow") continue;
      for (const action of Action) {
        if (action.includes("*")) faults.push(`${role.name}: ${action}`);
        if (/^dynamodb:(?:Scan|PartiQL)/.test(action)) faults.push(`${role.name}: ${action}`);
      }
      if (Resource.includes("*") && !Action.every((action) => WITHOUT_RESOURCE.test(action))) {
        faults.push(`${role.name}: ${Action.join(" ")} on *`);
      }
    }
  }
  return faults;
}

/** The ARN of the queue that gets a message for each new object of a bucket. */
function queueOfBucket(evaluation: Evaluation, bucketArn: string): unknown {
  const bucket = bucketArn.replace("arn:aws:s3:::", "");
  const sends = all(evaluation, "s3/bucketNotification").some(
    ({ inputs }) => inputs["bucket"] === bucket && inputs["eventbridge"] === true,
  );
  const rule = all(evaluation, "cloudwatch/eventRule").find(({ inputs }) =>
    String(inputs["eventPattern"]).includes(`"bucket":{"name":["${bucket}"]}`),
  );
  const target = all(evaluation, "cloudwatch/eventTarget").find(
    ({ inputs }) => inputs["rule"] === rule?.inputs["name"],
  );
  const allowed = all(evaluation, "sqs/queuePolicy").some(({ inputs }) => {
    const { Statement } = JSON.parse(inputs["policy"]) as { Statement: Record<string, unknown>[] };
    return Statement.some(
      ({ Resource, Principal, Condition }) =>
        Resource === target?.inputs["arn"] &&
        JSON.stringify(Principal) === '{"Service":"events.amazonaws.com"}' &&
        JSON.stringify(Condition).includes(`rule/${rule?.inputs["name"]}"`),
    );
  });
  return sends && rule && allowed ? target?.inputs["arn"] : undefined;
}

/**
 * Stream and queue have dead-letter queues, and each of these has an alarm. Failed batches of the
 * stream are kept whole in a bucket, which sends a letter for each.
 */
function deadLetterFaults(evaluation: Evaluation): string[] {
  const faults: string[] = [];
  const queues = all(evaluation, "sqs/queue");
  const arnOf = (name: string) => `arn:aws:sqs:us-east-1:123456789012:${name}`;
  const withAlarm = all(evaluation, "cloudwatch/metricAlarm").flatMap(({ inputs }) =>
    inputs["metricName"] === "ApproximateNumberOfMessagesVisible"
      ? [arnOf(inputs["dimensions"].QueueName)]
      : [],
  );
  const check = (source: string, target: unknown) => {
    if (!queues.some(({ inputs }) => arnOf(inputs["name"]) === target)) {
      faults.push(`${source} has no dead-letter queue`);
    } else if (!withAlarm.includes(String(target))) {
      faults.push(`the dead-letter queue of ${source} has no alarm`);
    }
  };
  for (const { name, inputs } of all(evaluation, "lambda/eventSourceMapping")) {
    if (String(inputs["eventSourceArn"]).includes(":dynamodb:")) {
      const bucket = String(inputs["destinationConfig"]?.onFailure?.destinationArn);
      check(name, queueOfBucket(evaluation, bucket));
      continue;
    }
    const queue = queues.find((each) => arnOf(each.inputs["name"]) === inputs["eventSourceArn"]);
    check(
      queue?.name ?? name,
      JSON.parse(queue?.inputs["redrivePolicy"] ?? "{}").deadLetterTargetArn,
    );
  }
  return faults;
}

/** AWS's models of the API calls allow the inputs of all resources. */
const inputFaults = ({ resources }: Evaluation): string[] =>
  resources
    .filter(({ type, read }) => !read && type.startsWith("aws:"))
    .flatMap((resource) => modelFaults(resource));

export const rules = {
  apiFaults,
  liveFaults,
  partnerFaults,
  deploymentFaults,
  cacheFaults,
  mappingFaults,
  roleFaults,
  deadLetterFaults,
  referenceFaults,
  metricFaults,
  permissionFaults,
  inputFaults,
};
