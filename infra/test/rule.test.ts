/** Each rule holds in each stage, and each finds the faults that it is meant to find. */

import { describe, expect, test } from "vitest";
import type { Evaluation, Resource } from "./evaluate.ts";
import { models, patternOf } from "./model/check.ts";
import { rules } from "./rule.ts";
import { one, stack, stages, statements } from "./stack.ts";

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

const tableName: string = one(stack("production"), "dynamodb/table", "DataTable").inputs["name"];
const TABLE = `arn:aws:dynamodb:us-east-1:123456789012:table/${tableName}`;
const FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:stockwire-production";

test("the patterns of all models are valid", () => {
  const patterns = Object.values(models.services).flatMap(({ shapes }) =>
    Object.values(shapes).flatMap(({ pattern }) => pattern ?? []),
  );
  expect(patterns.length).toBeGreaterThan(100);
  for (const pattern of patterns) expect(patternOf(pattern)).toBeInstanceOf(RegExp);
});

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
    "a method of partners needs no key",
    "partnerFaults",
    "PartnerMethodGetItems",
    withInputs({ apiKeyRequired: undefined }),
    "GET /items needs no key or no token",
  ],
  [
    "a method of partners needs no token",
    "partnerFaults",
    "PartnerMethodGetHelloItems",
    withInputs({ authorization: "NONE", authorizerId: undefined }),
    "GET /hello/items needs no key or no token",
  ],
  [
    "a stream needs no token",
    "partnerFaults",
    "PartnerMethodGetChangesStream",
    withInputs({ authorization: "NONE" }),
    "GET /changes/stream needs no key or no token",
  ],
  [
    "the authorizer of partners does not exist",
    "partnerFaults",
    "PartnerToken",
    removed,
    "GET /users needs no key or no token",
  ],
  [
    "preflights become requests of any method",
    "partnerFaults",
    "PartnerMethodOptionsProxy",
    withInputs({ httpMethod: "ANY" }),
    "ANY /{proxy+} needs no key or no token",
  ],
  [
    "a method of partners is missing",
    "partnerFaults",
    "PartnerMethodGetChanges",
    removed,
    "GET /changes is missing",
  ],
  [
    "a body is not validated",
    "partnerFaults",
    "PartnerMethodPostItems",
    withInputs({ requestValidatorId: undefined }),
    "POST /items: its body is not validated",
  ],
  [
    "a body has no model",
    "partnerFaults",
    "PartnerMethodPostHello",
    withInputs({ requestModels: undefined }),
    "POST /hello has a model, or lacks it, unlike the policy",
  ],
  [
    "a model does not exist",
    "partnerFaults",
    "PartnerModelItemRequest",
    removed,
    "PUT /items/{id}: no model ItemRequest",
  ],
  [
    "two variable parts have one parent",
    "partnerFaults",
    "PartnerResourceUsersBatch",
    withInputs({ pathPart: "{name}" }),
    "{id} and {name} have one parent",
  ],
  [
    "a method has no integration",
    "partnerFaults",
    "PartnerIntegrationGetVersion",
    removed,
    "GET /version has no integration",
  ],
  [
    "a stream is buffered",
    "partnerFaults",
    "PartnerIntegrationGetChangesStream",
    withInputs({ responseTransferMode: undefined }),
    "GET /changes/stream does not call its function as it transfers the answer",
  ],
  [
    "a stream ends after 29 s",
    "partnerFaults",
    "PartnerIntegrationGetChangesStream",
    withInputs({ timeoutMilliseconds: undefined }),
    "GET /changes/stream ends a stream early",
  ],
  [
    "an edge-optimised endpoint ends silent streams",
    "partnerFaults",
    "PartnerApi",
    withInputs({ endpointConfiguration: { types: "EDGE" } }),
    "GET /changes/stream ends a stream early",
  ],
  [
    "results have no mapping",
    "partnerFaults",
    "PartnerMappingPostHello200",
    removed,
    "POST /hello needs one mapping without a pattern",
  ],
  [
    "a mapping has a status that the method does not declare",
    "partnerFaults",
    "PartnerResponsePostHello500",
    removed,
    "POST /hello has no answer 500",
  ],
  [
    "a plan has no quota",
    "partnerFaults",
    "PartnerBasicPlan",
    withInputs({ quotaSettings: undefined }),
    "PartnerBasicPlan has no stage, key or limit",
  ],
  [
    "a plan is for another stage",
    "partnerFaults",
    "PartnerStage",
    withInputs({ stageName: "v1" }),
    "PartnerProductionPlan has no stage, key or limit",
  ],
  [
    "a model changes, and the deployment does not",
    "deploymentFaults",
    "PartnerModelUserRequest",
    withInputs({ schema: "{}" }),
    "PartnerDeployment does not notice a change of PartnerModelUserRequest",
  ],
  [
    "a template changes, and the deployment does not",
    "deploymentFaults",
    "PartnerMappingPostHello200",
    withInputs({ responseTemplates: {} }),
    "PartnerDeployment does not notice a change of PartnerMappingPostHello200",
  ],
  [
    "the authorizer changes, and the deployment does not",
    "deploymentFaults",
    "PartnerToken",
    withInputs({ authorizerResultTtlInSeconds: 0 }),
    "PartnerDeployment does not notice a change of PartnerToken",
  ],
  [
    "a deployment is taken before the API is complete",
    "deploymentFaults",
    "PartnerDeployment",
    (resource) => ({ ...resource, dependsOn: [] }),
    "PartnerDeployment does not wait for PartnerIntegrationGetItems",
  ],
  [
    "settings are for a method that does not exist",
    "cacheFaults",
    "PartnerGetUsersSettings",
    withInputs({ methodPath: "users/GET" }),
    "settings of users/GET, which is no method",
  ],
  [
    "the stage variable names an alias that does not exist",
    "referenceFaults",
    "PartnerStage",
    withInputs({ variables: { lambdaAlias: "next" } }),
    `apigateway/integration PartnerIntegrationGetItems refers to ${FUNCTION}-http:next/invocations, which does not exist`,
  ],
  [
    "the REST API may not call the function",
    "permissionFaults",
    "PartnerHttpPermission",
    removed,
    `PartnerIntegrationGetItems may not call ${FUNCTION}-http:live`,
  ],
  [
    "an alarm watches a REST API that does not exist",
    "metricFaults",
    "PartnerErrors",
    withInputs({ dimensions: { ApiName: "partner", Stage: "partner" } }),
    'alarm PartnerErrors: no AWS/ApiGateway {"ApiName":"partner","Stage":"partner"}',
  ],
  [
    "a stage variable with a character that API Gateway refuses",
    "inputFaults",
    "PartnerStage",
    withInputs({ variables: { lambdaAlias: "$LATEST" } }),
    'apigateway/stage PartnerStage: CreateStage .variables.lambdaAlias "$LATEST" does not match [A-Za-z0-9-._~:/?#&=,]+',
  ],
  [
    "an integration that waits longer than streams may",
    "inputFaults",
    "PartnerIntegrationGetChanges",
    withInputs({ timeoutMilliseconds: 900_001 }),
    "apigateway/integration PartnerIntegrationGetChanges: PutIntegration .timeoutInMillis is 900001, allowed are 50 to 900000",
  ],
  [
    "a model with a name that API Gateway refuses",
    "inputFaults",
    "PartnerModelItemBatch",
    withInputs({ name: "item-batch" }),
    'apigateway/model PartnerModelItemBatch: CreateModel .name "item-batch" does not match [a-zA-Z0-9]+',
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
    "the domain of partners is mapped to a stage that does not exist",
    "mappingFaults",
    "PartnerDomainMapping",
    withInputs({ stageName: "v1" }),
    "PartnerDomainMapping: PartnerApi-id has no stage v1",
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
    "the bucket of failed batches announces nothing",
    "deadLetterFaults",
    "FailedBatchesEvents",
    withInputs({ eventbridge: false }),
    "DataSubscriberToLogEventSourceMapping has no dead-letter queue",
  ],
  [
    "the queue refuses letters",
    "deadLetterFaults",
    "StreamDeadLettersPolicy",
    removed,
    "DataSubscriberToLogEventSourceMapping has no dead-letter queue",
  ],
  [
    "an alarm is removed",
    "deadLetterFaults",
    "StreamDeadLetters",
    (resource) => (resource.type.includes("metricAlarm") ? undefined : resource),
    "the dead-letter queue of DataSubscriberToLogEventSourceMapping has no alarm",
  ],
  [
    "a policy names an index that does not exist",
    "referenceFaults",
    "SweepHandlerRole",
    withInputs({
      inlinePolicies: [{ policy: `{"Resource":["${TABLE}/index/gsi1","${TABLE}/index/gsi2"]}` }],
    }),
    `iam/role SweepHandlerRole refers to ${TABLE}/index/gsi2, which does not exist`,
  ],
  [
    "a function's alias does not exist",
    "referenceFaults",
    "HttpHandlerAlias",
    removed,
    `apigatewayv2/integration ApiRouteBbovcaIntegration refers to ${FUNCTION}-http:live, which does not exist`,
  ],
  [
    "a role may send to a stage of the Live API that does not exist",
    "referenceFaults",
    "LiveStage",
    withInputs({ name: "v1" }),
    "iam/role LiveHandlerRole refers to arn:aws:execute-api:us-east-1:123456789012:liveapi/live/POST/@connections/*, which does not exist",
  ],
  [
    "a route has no integration",
    "referenceFaults",
    "ApiRouteBbovcaIntegration",
    removed,
    "apigatewayv2/route RouteGetItems refers to ApiRouteBbovcaIntegration-id, which does not exist",
  ],
  [
    "a function's log group does not exist",
    "referenceFaults",
    "SweepHandlerLog",
    removed,
    "lambda/function SweepHandlerFunction refers to /aws/lambda/stockwire-production-sweep, which does not exist",
  ],
  [
    "a mapping reads another queue",
    "referenceFaults",
    "DeliverySubscriberBaacwtEventSourceMapping",
    withInputs({ eventSourceArn: "arn:aws:sqs:us-east-1:123456789012:other" }),
    "lambda/eventSourceMapping DeliverySubscriberBaacwtEventSourceMapping refers to arn:aws:sqs:us-east-1:123456789012:other, which does not exist",
  ],
  [
    "a saved query reads a log group that does not exist",
    "referenceFaults",
    "Errors",
    withInputs({ logGroupNames: ["/aws/lambda/stockwire-production-htpp"] }),
    "cloudwatch/queryDefinition Errors refers to /aws/lambda/stockwire-production-htpp, which does not exist",
  ],
  [
    "an alarm watches a queue that does not exist",
    "metricFaults",
    "DeliveryDeadLetters",
    withInputs({ dimensions: { QueueName: "stockwire-delivery" } }),
    'alarm DeliveryDeadLetters: no AWS/SQS {"QueueName":"stockwire-delivery"}',
  ],
  [
    "an alarm watches a stage that does not exist",
    "metricFaults",
    "LiveErrors",
    withInputs({ dimensions: { ApiId: "LiveApi-id", Stage: "$default" } }),
    'alarm LiveErrors: no AWS/ApiGateway {"ApiId":"LiveApi-id","Stage":"$default"}',
  ],
  [
    "a graph shows a function that does not exist",
    "metricFaults",
    "SweepHandlerFunction",
    withInputs({ name: "stockwire-production-sweeper" }),
    'graph Functions: errors: no AWS/Lambda {"FunctionName":"stockwire-production-sweep"}',
  ],
  [
    "API Gateway may call the function but not its alias",
    "permissionFaults",
    "ApiRouteBbovcaPermissions",
    withInputs({ qualifier: undefined }),
    `ApiRouteBbovcaIntegration may not call ${FUNCTION}-http:live`,
  ],
  [
    "API Gateway may not call the authorizer",
    "permissionFaults",
    "LiveAuthorizerCallerPermission",
    removed,
    `LiveAuthorizerCallerAuthorizer may not call ${FUNCTION}-authorizer:live`,
  ],
  [
    "a value that the API does not know",
    "inputFaults",
    "HttpHandlerFunction",
    withInputs({ runtime: "nodejs24" }),
    'lambda/function HttpHandlerFunction: CreateFunction .Runtime may not be "nodejs24"',
  ],
  [
    "a name that is too long",
    "inputFaults",
    "AlarmsTopic",
    withInputs({ name: "a".repeat(257) }),
    "sns/topic AlarmsTopic: CreateTopic .Name has 257 characters, allowed are 1 to 256",
  ],
  [
    "a name that is too long, by a model",
    "inputFaults",
    "SweepEachMinuteSchedule",
    withInputs({ name: "a".repeat(65) }),
    "scheduler/schedule SweepEachMinuteSchedule: CreateSchedule .Name has 65 characters, allowed are 1 to 64",
  ],
  [
    "a required member is missing",
    "inputFaults",
    "HttpHandlerAlias",
    withInputs({ functionVersion: undefined }),
    "lambda/alias HttpHandlerAlias: CreateAlias .FunctionVersion is required",
  ],
  [
    "a number that is too large",
    "inputFaults",
    "DataSubscriberToLogEventSourceMapping",
    withInputs({ maximumRetryAttempts: 10_001 }),
    "lambda/eventSourceMapping DataSubscriberToLogEventSourceMapping: CreateEventSourceMapping .MaximumRetryAttempts is 10001, allowed are -1 to 10000",
  ],
  [
    "a text that does not match its pattern",
    "inputFaults",
    "HttpHandlerAlias",
    withInputs({ name: "42" }),
    'lambda/alias HttpHandlerAlias: CreateAlias .Name "42" does not match (?!^[0-9]+$)([a-zA-Z0-9-_]+)',
  ],
  [
    "a queue that keeps messages for too long",
    "inputFaults",
    "StreamDeadLettersQueue",
    withInputs({ messageRetentionSeconds: 1_209_601 }),
    "sqs/queue StreamDeadLettersQueue: CreateQueue .Attributes.MessageRetentionPeriod is 1209601, allowed are 60 to 1209600",
  ],
  [
    "an input that the API does not have",
    "inputFaults",
    "DataTable",
    withInputs({ shards: 4 }),
    "dynamodb/table DataTable: CreateTable shards is not a member of the request",
  ],
  [
    "a type of resource without a known call",
    "inputFaults",
    "AlarmsTopic",
    (resource) => ({ ...resource, type: "aws:kinesis/stream:Stream" }),
    "kinesis/stream AlarmsTopic: no API call is known for this type",
  ],
])("a planted fault is found: %s", (_, rule, name, change, fault) => {
  expect(rules[rule](changed("production", name, change))).toContain(fault);
});

// Only `staging` has a cache.
test.each<[string, keyof typeof rules, string, Parameters<typeof changed>[2], string]>([
  [
    "a cache key lacks a parameter",
    "cacheFaults",
    "PartnerIntegrationGetItems",
    withInputs({ cacheKeyParameters: ["method.request.querystring.limit"] }),
    "GET /items has not the cache key of the policy",
  ],
  [
    "what is cached is not encrypted",
    "cacheFaults",
    "PartnerGetItemsSettings",
    withInputs({ settings: { cachingEnabled: true, cacheDataEncrypted: false } }),
    "GET /items is cached in clear text",
  ],
  [
    "the stage has no cache",
    "cacheFaults",
    "PartnerStage",
    withInputs({ cacheClusterEnabled: undefined }),
    "GET /items is cached nowhere",
  ],
  [
    "all methods are cached",
    "cacheFaults",
    "PartnerStageSettings",
    withInputs({ settings: { cachingEnabled: true } }),
    "all methods are cached",
  ],
  [
    "a parameter of a cache key is not declared",
    "partnerFaults",
    "PartnerMethodGetItems",
    withInputs({ requestParameters: {} }),
    "GET /items does not declare method.request.querystring.limit",
  ],
  [
    "the policy changes, and the deployment does not",
    "deploymentFaults",
    "PartnerPolicy",
    withInputs({ policy: "{}" }),
    "PartnerDeployment does not notice a change of PartnerPolicy",
  ],
])("a planted fault is found where there is a cache: %s", (_, rule, name, change, fault) => {
  expect(rules[rule](changed("staging", name, change))).toContain(fault);
});
