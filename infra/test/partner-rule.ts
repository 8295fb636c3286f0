/** Rules for the Partner API. A stage without one violates none of them. */

import { templateRoutes } from "@stockwire/functions/partner/integration";
import { partnerRoutes } from "@stockwire/functions/partner/route";
import { fingerprint } from "../fingerprint.ts";
import type { Evaluation, Resource } from "./evaluate.ts";
import { all } from "./stack.ts";

type Inputs = Resource["inputs"];

/** What can be called without key and token: what the policy says, and preflights, which the app answers. */
const OPEN = new Set([
  ...partnerRoutes.filter(({ open }) => open).map(({ routeKey }) => routeKey),
  "OPTIONS /{proxy+}",
]);

/** What needs a token and no key: readers would use up a quota. */
const STREAMED = new Set(
  partnerRoutes.filter(({ stream }) => stream).map(({ routeKey }) => routeKey),
);

const REST_API = "PartnerApi-id";

const ofApi = (evaluation: Evaluation, type: string): Resource[] =>
  all(evaluation, `apigateway/${type}`).filter(({ inputs }) => inputs["restApi"] === REST_API);

/** The path of each resource, by its id. */
function pathsOf(evaluation: Evaluation): Map<string, string> {
  const resources = new Map(
    ofApi(evaluation, "resource").map(({ name, inputs }) => [`${name}-id`, inputs]),
  );
  const pathOf = (id: string): string => {
    const inputs = resources.get(id);
    return inputs ? `${pathOf(String(inputs["parentId"]))}/${inputs["pathPart"]}` : "";
  };
  return new Map([...resources.keys()].map((id) => [id, pathOf(id)]));
}

/** The inputs of one type of resource by route, such as `GET /items/{id}`. */
export function byRoute(evaluation: Evaluation, type: string): Map<string, Inputs> {
  const paths = pathsOf(evaluation);
  return new Map(
    ofApi(evaluation, type).map(({ inputs }) => [
      `${inputs["httpMethod"]} ${paths.get(String(inputs["resourceId"]))}`,
      inputs,
    ]),
  );
}

/** Each method of the policy exists, no other, and only the open ones lack key and token. */
export function partnerFaults(evaluation: Evaluation): string[] {
  if (all(evaluation, "apigateway/restApi").length === 0) return [];
  const methods = byRoute(evaluation, "method");
  const authorizers = ofApi(evaluation, "authorizer")
    .filter(({ inputs }) => inputs["type"] === "TOKEN" && inputs["authorizerUri"])
    .map(({ name }) => `${name}-id`);
  const validators = ofApi(evaluation, "requestValidator")
    .filter(({ inputs }) => inputs["validateRequestBody"] === true)
    .map(({ name }) => `${name}-id`);
  const names = ofApi(evaluation, "model").map(({ inputs }) => inputs["name"] as string);
  const faults: string[] = [];
  for (const [key, inputs] of methods) {
    const isAuthorized =
      inputs["authorization"] === "CUSTOM" && authorizers.includes(inputs["authorizerId"]);
    const isMetered = inputs["apiKeyRequired"] === true || STREAMED.has(key);
    if (!OPEN.has(key) && !(isAuthorized && isMetered)) {
      faults.push(`${key} needs no key or no token`);
    }
    const models = Object.values((inputs["requestModels"] ?? {}) as Record<string, string>);
    for (const model of models)
      if (!names.includes(model)) faults.push(`${key}: no model ${model}`);
    if (models.length > 0 && !validators.includes(inputs["requestValidatorId"])) {
      faults.push(`${key}: its body is not validated`);
    }
  }
  const known = new Map<string, { model?: object }>([
    ...partnerRoutes.map((route) => [route.routeKey, route] as const),
    ...templateRoutes.map((route) => [route.routeKey, route] as const),
    ["OPTIONS /{proxy+}", {}],
  ]);
  for (const key of methods.keys()) if (!known.has(key)) faults.push(`${key} is not in the policy`);
  for (const [key, { model }] of known) {
    const inputs = methods.get(key);
    if (!inputs && partnerRoutes.some(({ routeKey }) => routeKey === key)) {
      faults.push(`${key} is missing`);
    }
    if (inputs && (model !== undefined) !== (inputs["requestModels"] !== undefined)) {
      faults.push(`${key} has a model, or lacks it, unlike the policy`);
    }
  }
  return [...faults, ...integrationFaults(evaluation), ...planFaults(evaluation)];
}

/** A stream ends by itself after four minutes. */
const STREAM_TIME = 4 * 60_000; // ms

/** A resource has one variable part at most below it, and each method leads to an answer. */
function integrationFaults(evaluation: Evaluation): string[] {
  const faults: string[] = [];
  const variable = new Map<unknown, string>();
  for (const { inputs } of ofApi(evaluation, "resource")) {
    const part = String(inputs["pathPart"]);
    if (!/^\{\w+\}$/.test(part)) continue;
    const other = variable.get(inputs["parentId"]);
    if (other) faults.push(`${part} and ${other} have one parent`);
    variable.set(inputs["parentId"], part);
  }
  const [api] = all(evaluation, "apigateway/restApi");
  const isEdge = !["REGIONAL", "PRIVATE"].includes(api?.inputs["endpointConfiguration"]?.types);
  const integrations = byRoute(evaluation, "integration");
  const place = ({ resourceId, httpMethod, statusCode }: Inputs) =>
    [resourceId, httpMethod, statusCode].join(" ");
  const statuses = new Set(ofApi(evaluation, "methodResponse").map(({ inputs }) => place(inputs)));
  const mapped = ofApi(evaluation, "integrationResponse").map(({ inputs }) => inputs);
  for (const [key, method] of byRoute(evaluation, "method")) {
    const integration = integrations.get(key);
    if (!integration) faults.push(`${key} has no integration`);
    const isStream = integration?.["responseTransferMode"] === "STREAM";
    const isStreamed = /\/2021-11-15\/functions\/.*\/response-streaming-invocations$/.test(
      String(integration?.["uri"]),
    );
    if (isStream !== isStreamed) {
      faults.push(`${key} does not call its function as it transfers the answer`);
    }
    if (isStreamed && (isEdge || !(integration?.["timeoutMilliseconds"] > STREAM_TIME))) {
      faults.push(`${key} ends a stream early`);
    }
    const declared = Object.keys(method["requestParameters"] ?? {});
    for (const parameter of (integration?.["cacheKeyParameters"] ?? []) as string[]) {
      if (!declared.includes(parameter)) faults.push(`${key} does not declare ${parameter}`);
    }
    const answers = mapped.filter(
      (each) => place({ ...each, statusCode: "" }) === place({ ...method, statusCode: "" }),
    );
    const isDefault = (each: Inputs) => each["selectionPattern"] === undefined;
    if (integration?.["type"] === "AWS" && answers.filter(isDefault).length !== 1) {
      faults.push(`${key} needs one mapping without a pattern`);
    }
    for (const answer of answers) {
      if (!statuses.has(place(answer))) faults.push(`${key} has no answer ${answer["statusCode"]}`);
    }
  }
  return faults;
}

/** Each plan is for the API's stage, has a rate and a quota, and a key. */
function planFaults(evaluation: Evaluation): string[] {
  const [stage] = ofApi(evaluation, "stage");
  const keys = all(evaluation, "apigateway/usagePlanKey").map(({ inputs }) => inputs);
  return all(evaluation, "apigateway/usagePlan").flatMap(({ name, inputs }) => {
    const isForStage =
      JSON.stringify(inputs["apiStages"]) ===
      JSON.stringify([{ apiId: REST_API, stage: stage?.inputs["stageName"] }]);
    const hasKey = keys.some(({ usagePlanId }) => usagePlanId === `${name}-id`);
    const isLimited = inputs["throttleSettings"] && inputs["quotaSettings"];
    return isForStage && hasKey && isLimited ? [] : [`${name} has no stage, key or limit`];
  });
}

/**
 * API Gateway serves what was deployed last. So whatever the API consists of is created before the
 * deployment and is one of its triggers, with all its inputs.
 */
export function deploymentFaults(evaluation: Evaluation): string[] {
  const PARTS =
    /^aws:apigateway\/(?:restApi|restApiPolicy|resource|method|methodResponse|integration|integrationResponse|model|requestValidator|authorizer|response):/;
  return all(evaluation, "apigateway/deployment").flatMap(({ name, inputs, dependsOn = [] }) => {
    const triggers = (inputs["triggers"] ?? {}) as Record<string, string>;
    const parts = evaluation.resources.filter(({ type, read }) => !read && PARTS.test(type));
    return parts.flatMap((part) => {
      const isTrigger = triggers[part.name] === fingerprint(part.inputs);
      const isFirst = part.type.includes("/restApi:") || dependsOn.includes(part.id);
      if (!isTrigger) return [`${name} does not notice a change of ${part.name}`];
      return isFirst ? [] : [`${name} does not wait for ${part.name}`];
    });
  });
}

/** Settings are for methods that exist. What is cached is encrypted, and has the policy's cache key. */
export function cacheFaults(evaluation: Evaluation): string[] {
  const integrations = byRoute(evaluation, "integration");
  const [stage] = ofApi(evaluation, "stage");
  return ofApi(evaluation, "methodSettings").flatMap(({ inputs }) => {
    const path = String(inputs["methodPath"]);
    if (path === "*/*") {
      return inputs["settings"].cachingEnabled === true ? ["all methods are cached"] : [];
    }
    const [resource = "", method = ""] = path.split("/");
    const key = `${method} ${resource.replaceAll("~1", "/")}`;
    const integration = integrations.get(key);
    if (!integration) return [`settings of ${path}, which is no method`];
    const { cachingEnabled, cacheDataEncrypted } = inputs["settings"];
    if (cachingEnabled !== true) return [];
    const faults = cacheDataEncrypted === true ? [] : [`${key} is cached in clear text`];
    if (stage?.inputs["cacheClusterEnabled"] !== true) faults.push(`${key} is cached nowhere`);
    const wanted = partnerRoutes.find(({ routeKey }) => routeKey === key)?.cacheKeyParameters;
    const found: string[] | undefined = integration["cacheKeyParameters"];
    if (!wanted || JSON.stringify(found) !== JSON.stringify(wanted)) {
      faults.push(`${key} has not the cache key of the policy`);
    }
    return faults;
  });
}
