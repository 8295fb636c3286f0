/**
 * Rules for what resources say about each other: whatever an ARN, an id, a URL or a name refers to is
 * a resource of the same stage, and whatever calls a function may call it.
 */

import type { Evaluation, Resource } from "./evaluate.ts";
import { idOf, outputsOf } from "./mock.ts";
import { all } from "./stack.ts";

interface Known {
  ids: ReadonlySet<string>;
  /** ARNs, URLs and names, with the resource. */
  names: ReadonlyMap<string, Resource>;
  evaluation: Evaluation;
}

const OUTPUTS = ["arn", "streamArn", "executionArn", "url", "qualifiedArn"];

function knownOf(evaluation: Evaluation): Known {
  const ids = new Set<string>();
  const names = new Map<string, Resource>();
  for (const resource of evaluation.resources) {
    const { type, name, inputs } = resource;
    ids.add(idOf(type, name));
    const outputs = outputsOf(type, inputs, name);
    for (const output of [...OUTPUTS, "name", "bucket"]) {
      const value = outputs[output];
      if (typeof value === "string") names.set(`${kindOf(output, type)}${value}`, resource);
    }
  }
  return { ids, names, evaluation };
}

/** Names are unique for a type only. */
const kindOf = (output: string, type: string): string =>
  output === "name" || output === "bucket" ? `${shortOf(type)} ` : "";
const shortOf = (type: string): string => type.replace(/^aws:/, "").replace(/:.*$/, "");

/** All texts in the inputs, with the path of each. Texts of JSON are read as JSON. */
function* textsIn(value: unknown, path = ""): Generator<[path: string, text: string]> {
  if (typeof value === "string") {
    const parsed = /^[[{]/.test(value) ? jsonOf(value) : undefined;
    if (parsed === undefined) yield [path, value];
    else yield* textsIn(parsed, path);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      yield* textsIn(each, path === "" ? key : `${path}.${key}`);
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** ARNs of the account, and of buckets, which have no account. */
const ARN = /arn:aws:(?:s3:::|[\w-]+:[\w-]*:123456789012:)[^"\s,]+/g;
const ID = /^(?:integrations\/)?(\w+-id|us-east-1_\w+)$/;
const QUEUE_URL = /^https:\/\/sqs\.[^/]+\/\d+\/.+$/;
/** Not of this stage: SST's own bucket, and the account, which may assume roles under `sst dev`. */
const FOREIGN = /^arn:aws:(?:s3:::sst-|iam::\d+:root$)/;

/** True if the ARN is a resource's, or what the service allows below it. */
function isKnownArn(given: string, { names, evaluation }: Known): boolean {
  const arn = given.replace(/\/(?:response-streaming-)?invocations$/, "");
  if (names.has(arn) || FOREIGN.test(arn)) return true;
  for (
    let end = arn.length;
    end > 0;
    end = Math.max(...["/", ":"].map((mark) => arn.lastIndexOf(mark, end - 1)))
  ) {
    const resource = names.get(arn.slice(0, end));
    if (resource) return isPart(resource, arn.slice(end), evaluation);
  }
  return false;
}

/** True if `rest`, which follows the resource's ARN, exists as well. */
function isPart({ type, name, inputs }: Resource, rest: string, evaluation: Evaluation): boolean {
  switch (shortOf(type)) {
    case "dynamodb/table": {
      const index = /^\/index\/(.+)$/.exec(rest)?.[1];
      const indexes = (inputs["globalSecondaryIndexes"] ?? []) as { name: string }[];
      return index === undefined
        ? rest === "/stream/*"
        : indexes.some((each) => each.name === index);
    }
    case "apigatewayv2/api": {
      const [, stage = "", id] = rest.split("/");
      if (stage === "authorizers") {
        return all(evaluation, "apigatewayv2/authorizer").some((each) => `${each.name}-id` === id);
      }
      return stage === "*" || stagesOf(evaluation, `${name}-id`).includes(stage);
    }
    case "apigateway/restApi": {
      const [, stage = "", id] = rest.split("/");
      if (stage === "authorizers") {
        return all(evaluation, "apigateway/authorizer").some((each) => `${each.name}-id` === id);
      }
      return stage === "*" || restStagesOf(evaluation, `${name}-id`).includes(stage);
    }
    case "cloudwatch/logGroup":
      return rest === ":*";
    case "s3/bucket":
      return rest === "/*";
    default:
      return false; // a function's alias has an ARN of its own
  }
}

const stagesOf = (evaluation: Evaluation, apiId: unknown): unknown[] =>
  all(evaluation, "apigatewayv2/stage")
    .filter(({ inputs }) => inputs["apiId"] === apiId)
    .map(({ inputs }) => inputs["name"]);

const restStagesOf = (evaluation: Evaluation, restApi: unknown): unknown[] =>
  all(evaluation, "apigateway/stage")
    .filter(({ inputs }) => inputs["restApi"] === restApi)
    .map(({ inputs }) => inputs["stageName"]);

/** A text of a REST API's integration with the values of the variables of its stage. */
function withVariables(text: string, restApi: unknown, evaluation: Evaluation): string {
  const [stage] = all(evaluation, "apigateway/stage").filter(
    ({ inputs }) => inputs["restApi"] === restApi,
  );
  return text.replaceAll(/\$\{stageVariables\.(\w+)\}/g, (_, name: string) =>
    String(stage?.inputs["variables"]?.[name]),
  );
}

/** Inputs that hold the name of another resource, with that resource's type. */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "lambda/alias": { functionName: "lambda/function" },
  "lambda/provisionedConcurrencyConfig": { functionName: "lambda/function" },
  "lambda/function": {
    "loggingConfig.logGroup": "cloudwatch/logGroup",
    "environment.variables.DATA_TABLE": "dynamodb/table",
    "environment.variables.CHANGES_TABLE": "dynamodb/table",
    "environment.variables.CONNECTIONS_TABLE": "dynamodb/table",
  },
  "cloudwatch/logMetricFilter": { logGroupName: "cloudwatch/logGroup" },
  "apigateway/stage": { "variables.tableName": "dynamodb/table" },
  "cloudwatch/eventTarget": { rule: "cloudwatch/eventRule" },
  "s3/bucketNotification": { bucket: "s3/bucket" },
  "s3/bucketPolicy": { bucket: "s3/bucket" },
};

/** ARNs, ids, URLs and names refer to resources of the stage. */
export function referenceFaults(evaluation: Evaluation): string[] {
  const known = knownOf(evaluation);
  const faults: string[] = [];
  for (const { type, name, inputs, read } of evaluation.resources) {
    if (read || !type.startsWith("aws:")) continue;
    const check = (isKnown: boolean, text: string) => {
      if (!isKnown) faults.push(`${shortOf(type)} ${name} refers to ${text}, which does not exist`);
    };
    for (const [path, given] of textsIn(inputs)) {
      const text = withVariables(given, inputs["restApi"], evaluation);
      for (const [arn] of text.matchAll(ARN)) check(isKnownArn(arn, known), arn);
      const id = ID.exec(text)?.[1];
      if (id !== undefined) check(known.ids.has(id), id);
      if (QUEUE_URL.test(text)) check(known.names.has(text), text);
      const target = NAMES[shortOf(type)]?.[path];
      if (target !== undefined) check(known.names.has(`${target} ${text}`), text);
    }
    for (const group of (inputs["logGroupNames"] ?? []) as string[]) {
      check(known.names.has(`cloudwatch/logGroup ${group}`), group);
    }
  }
  return faults;
}

interface Metric {
  source: string;
  namespace: string;
  dimensions: Record<string, string>;
}

/** The metrics of alarms and of the dashboard's lines. */
function metricsOf(evaluation: Evaluation): Metric[] {
  const inAlarms = all(evaluation, "cloudwatch/metricAlarm").flatMap(({ name, inputs }) => {
    const queries = (inputs["metricQueries"] ?? []) as { metric?: Omit<Metric, "source"> }[];
    const single = inputs["namespace"] === undefined ? [] : [inputs as Omit<Metric, "source">];
    return [...single, ...queries.flatMap(({ metric }) => metric ?? [])].map(
      ({ namespace, dimensions }) => ({ source: `alarm ${name}`, namespace, dimensions }),
    );
  });
  const inGraphs = all(evaluation, "cloudwatch/dashboard").flatMap(({ inputs }) => {
    const { widgets } = JSON.parse(inputs["dashboardBody"]) as {
      widgets: { properties: { title: string; metrics: unknown[][] } }[];
    };
    return widgets.flatMap(({ properties: { title, metrics } }) =>
      metrics.map(([namespace, , ...rest]) => {
        const words = rest.filter((each) => typeof each === "string");
        const dimensions: Record<string, string> = {};
        for (let at = 0; at < words.length; at += 2) {
          dimensions[words[at] ?? ""] = words[at + 1] ?? "";
        }
        return { source: `graph ${title}`, namespace: String(namespace), dimensions };
      }),
    );
  });
  return [...inAlarms, ...inGraphs];
}

/** The dimensions of alarms and graphs are those that AWS and the functions write. */
export function metricFaults(evaluation: Evaluation): string[] {
  const { names, ids } = knownOf(evaluation);
  const isKnown = ({ namespace, dimensions }: Metric): boolean => {
    const {
      FunctionName,
      QueueName,
      TableName,
      GlobalSecondaryIndexName: index,
      ...rest
    } = dimensions;
    switch (namespace) {
      case "AWS/Lambda":
        return names.has(`lambda/function ${FunctionName}`);
      case "AWS/SQS":
        return names.has(`sqs/queue ${QueueName}`);
      case "AWS/DynamoDB": {
        const table = names.get(`dynamodb/table ${TableName}`);
        const indexes = (table?.inputs["globalSecondaryIndexes"] ?? []) as { name: string }[];
        return (
          table !== undefined &&
          (index === undefined || indexes.some((each) => each.name === index))
        );
      }
      case "AWS/ApiGateway": {
        const { ApiId = "", ApiName, Stage } = rest;
        const api = names.get(`apigateway/restApi ${ApiName}`);
        if (api) return restStagesOf(evaluation, `${api.name}-id`).includes(Stage);
        if (!ids.has(ApiId)) return false;
        return Stage === undefined || stagesOf(evaluation, ApiId).includes(Stage);
      }
      default:
        return rest["stage"] === evaluation.stage;
    }
  };
  return metricsOf(evaluation)
    .filter((metric) => !isKnown(metric))
    .map(
      ({ source, namespace, dimensions }) =>
        `${source}: no ${namespace} ${JSON.stringify(dimensions)}`,
    );
}

/** API Gateway may call what its integrations and authorizers name: the alias, not only the function. */
export function permissionFaults(evaluation: Evaluation): string[] {
  const permissions = all(evaluation, "lambda/permission").map(({ inputs }) => inputs);
  const callers = [
    ...all(evaluation, "apigatewayv2/integration"),
    ...all(evaluation, "apigatewayv2/authorizer"),
    ...all(evaluation, "apigateway/integration"),
    ...all(evaluation, "apigateway/authorizer"),
  ];
  return callers.flatMap(({ name, inputs }) => {
    const given = inputs["integrationUri"] ?? inputs["authorizerUri"] ?? inputs["uri"] ?? "";
    const uri = withVariables(String(given), inputs["restApi"], evaluation);
    const [, target, qualifier] =
      /(arn:aws:lambda:[^:]+:\d+:function:[\w-]+)(?::(\w+))?/.exec(uri) ?? [];
    if (target === undefined) return [];
    const api = String(inputs["apiId"] ?? inputs["restApi"])
      .replace(/-id$/, "")
      .toLowerCase();
    const isAllowed = permissions.some(
      (each) =>
        each["function"] === target &&
        each["qualifier"] === qualifier &&
        each["action"] === "lambda:InvokeFunction" &&
        each["principal"] === "apigateway.amazonaws.com" &&
        String(each["sourceArn"]).includes(`:${api}/`),
    );
    return isAllowed ? [] : [`${name} may not call ${target}:${qualifier ?? ""}`];
  });
}
