/**
 * The Partner API: a REST API in front of the same function as the HTTP API, with API keys, plans and
 * quotas. A REST API serves a copy of itself, which a deployment takes: whatever a caller could notice
 * is among the deployment's triggers, so that no change waits for the next one.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
 */

import { templateRoutes, type TemplateRoute } from "@stockwire/functions/partner/integration";
import { AUTHORIZER_TTL, PARTNER_STAGE } from "@stockwire/functions/partner/plan";
import { partnerRoutes, type PartnerRoute } from "@stockwire/functions/partner/route";
import * as Authorizer from "./authorizer.ts";
import { fingerprint } from "./fingerprint.ts";
import { ALIAS, lambda, type Lambda, onIndex, onTable } from "./function.ts";
import * as Http from "./http.ts";
import { ACCESS_LOG, addQuotaMetric } from "./partner/access-log.ts";
import { addFirewall } from "./partner/firewall.ts";
import { aliased, invocation, streamingInvocation } from "./partner/invocation.ts";
import { addMethodSettings } from "./partner/method-settings.ts";
import { policyOf } from "./partner/resource-policy.ts";
import { addUsagePlans } from "./partner/usage-plan.ts";
import { LOG_DAYS, settingsOf } from "./stage.ts";
import * as Stream from "./stream.ts";
import { changes, data } from "./storage.ts";

const stage = settingsOf($app.stage);
const prefix = `${$app.name}-${$app.stage}`;

/** The API's name, a dimension of its metrics. */
export const API_NAME = `${prefix}-partner`;

/**
 * The longest time that API Gateway allows a stream. Without it, a stream ends after 29 s.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-lambda-configure.html
 */
const LONGEST_STREAM = 900_000; // ms

/** The functions of the API alone, and its outputs; undefined for a stage without a Partner API. */
export const partner = stage.partner && Stream.handler && create(stage.partner, Stream.handler);

type Settings = NonNullable<typeof stage.partner>;

function create({ deniedRanges, vpcEndpoint, cacheSize, hasFirewall }: Settings, stream: Lambda) {
  const hello = lambda("hello", {
    description: "Mapping templates of the Partner API",
    timeout: "29 seconds",
    cursors: true,
    // It reads items as the app does. A list by type has a cursor that may have to be found in the log.
    permissions: [
      onTable(data, "GetItem", "Query"),
      onIndex(data),
      onTable(changes, "GetItem"),
      onIndex(changes),
    ],
  });

  const parts: $util.Resource[] = [];
  const triggers: Record<string, $util.Output<string>> = {};

  /** Creates a part of the API and notes it for the deployment. */
  function add<A extends object, R extends $util.Resource>(
    Part: new (name: string, args: A, options?: $util.CustomResourceOptions) => R,
    name: string,
    args: A,
    dependsOn: $util.Resource[] = [],
  ): R {
    const created = new Part(`Partner${name}`, args, { dependsOn });
    parts.push(created);
    triggers[`Partner${name}`] = $util.output(args).apply((inputs) => fingerprint(inputs));
    return created;
  }

  const api = new sst.aws.ApiGatewayV1("Partner", {
    ...(stage.domains && !vpcEndpoint && { domain: stage.domains.partner }),
    endpoint: vpcEndpoint
      ? { type: "private", vpcEndpointIds: [vpcEndpoint] }
      : { type: "regional" }, // an edge-optimised endpoint ends a stream after 30 s of silence
    cors: false, // the app answers preflights
    transform: {
      api: (args) => {
        args.name = API_NAME;
        args.description = "Partner API";
        // A stage with a domain is reachable by that domain only.
        args.disableExecuteApiEndpoint = stage.domains !== undefined && !vpcEndpoint;
        triggers["PartnerApi"] = $util.output(args).apply((inputs) => fingerprint(inputs));
        return undefined;
      },
      deployment: (args, options) => {
        args.triggers = triggers;
        options.dependsOn = parts;
        return undefined;
      },
      accessLog: {
        name: `/aws/vendedlogs/apigateway/${API_NAME}`,
        retentionInDays: LOG_DAYS,
      },
      stage: (args) => {
        args.stageName = PARTNER_STAGE;
        args.variables = {
          // Part of each integration's address, so one call moves the whole API to another alias.
          lambdaAlias: $dev ? "sst-dev" : ALIAS,
          tableName: data.name,
        };
        args.xrayTracingEnabled = stage.tracing;
        if (cacheSize)
          Object.assign(args, { cacheClusterEnabled: true, cacheClusterSize: cacheSize });
        args.accessLogSettings = $util.output(args.accessLogSettings).apply((settings) => ({
          destinationArn: settings?.destinationArn ?? "",
          format: JSON.stringify(ACCESS_LOG),
        }));
        return undefined;
      },
      domainName: { securityPolicy: "TLS_1_2" },
    },
  });
  const { id: restApi, executionArn, rootResourceId } = api.nodes.api;

  const policy = policyOf(deniedRanges, vpcEndpoint);
  if (policy) {
    add(aws.apigateway.RestApiPolicy, "Policy", {
      restApiId: restApi,
      policy: executionArn.apply((arn) => policy.replaceAll("execute-api:/*", `${arn}/*`)),
    });
  }

  const authorizer = add(aws.apigateway.Authorizer, "Token", {
    restApi,
    name: "token",
    type: "TOKEN",
    authorizerUri: invocation(Authorizer.handler.target),
    identitySource: "method.request.header.Authorization",
    authorizerResultTtlInSeconds: AUTHORIZER_TTL,
  });
  allow("Authorizer", Authorizer.handler, $interpolate`authorizers/${authorizer.id}`);
  const mayCall = [
    allow("Http", Http.handler, `${PARTNER_STAGE}/*`),
    allow("Hello", hello, `${PARTNER_STAGE}/*`),
    allow("Stream", stream, `${PARTNER_STAGE}/*`),
  ];

  /** One permission for all methods: a function's policy has 20 KB. */
  function allow(name: string, { arn }: Lambda, source: $util.Input<string>) {
    return new aws.lambda.Permission(`Partner${name}Permission`, {
      action: "lambda:InvokeFunction",
      function: arn,
      ...(!$dev && { qualifier: ALIAS }),
      principal: "apigateway.amazonaws.com",
      sourceArn: $interpolate`${executionArn}/${source}`,
    });
  }

  const validator = add(aws.apigateway.RequestValidator, "Body", {
    restApi,
    name: "body",
    validateRequestBody: true,
    validateRequestParameters: false,
  });
  const models = new Map<string, aws.apigateway.Model>();
  /** A method's models by content type. One model can serve several methods. */
  function validated(given: PartnerRoute["model"]) {
    if (!given) return {};
    const { name, schema, contentTypes } = given;
    const model =
      models.get(name) ??
      add(aws.apigateway.Model, `Model${name}`, {
        restApi,
        name,
        contentType: "application/json",
        schema: JSON.stringify(schema),
      });
    models.set(name, model);
    return {
      requestModels: Object.fromEntries(contentTypes.map((type) => [type, model.name])),
      requestValidatorId: validator.id,
    };
  }

  const resources = new Map<string, $util.Output<string>>([["", rootResourceId]]);
  /** The id of a path's resource, which is created with those of the paths above it. */
  function resourceOf(path: string): $util.Output<string> {
    const known = resources.get(path);
    if (known) return known;
    const at = path.lastIndexOf("/");
    const { id } = add(aws.apigateway.Resource, `Resource${Http.nameOf(path)}`, {
      restApi,
      parentId: resourceOf(path.slice(0, at)),
      pathPart: path.slice(at + 1),
    });
    resources.set(path, id);
    return id;
  }

  /** What method and integration of a route have in common, and its part of their names. */
  function placeOf(routeKey: string) {
    const [httpMethod = "", path = ""] = routeKey.split(" ");
    return {
      name: Http.nameOf(routeKey),
      place: { restApi, resourceId: resourceOf(path), httpMethod },
    };
  }

  const withToken = { authorization: "CUSTOM", authorizerId: authorizer.id };
  const metered = { ...withToken, apiKeyRequired: true };
  /** Streams need no key: they are opened again every few minutes, which must not use up a quota. */
  const accessOf = (isOpen: boolean, isStream: boolean) => {
    if (isOpen) return { authorization: "NONE" };
    return isStream ? withToken : metered;
  };

  function addProxy({
    routeKey,
    open: isOpen,
    stream: isStream,
    model,
    cacheKeyParameters,
  }: PartnerRoute): void {
    const { name, place } = placeOf(routeKey);
    const cached = cacheSize ? cacheKeyParameters : undefined;
    const method = add(aws.apigateway.Method, `Method${name}`, {
      ...place,
      ...accessOf(isOpen, isStream),
      ...validated(model),
      // A cache key can consist of declared parameters only. `true` is a required one.
      ...(cached && {
        requestParameters: Object.fromEntries(
          cached.map((parameter) => [parameter, parameter.startsWith("method.request.path.")]),
        ),
      }),
    });
    add(
      aws.apigateway.Integration,
      `Integration${name}`,
      {
        ...place,
        type: "AWS_PROXY",
        integrationHttpMethod: "POST", // how API Gateway calls Lambda
        ...(isStream
          ? {
              uri: streamingInvocation(aliased(stream)),
              responseTransferMode: "STREAM",
              timeoutMilliseconds: LONGEST_STREAM,
            }
          : { uri: invocation(aliased(Http.handler)) }),
        ...(cached && { cacheKeyParameters: [...cached] }),
      },
      [method, ...mayCall],
    );
  }

  function addTemplates({ routeKey, model, requestTemplate, responses }: TemplateRoute): void {
    const { name, place } = placeOf(routeKey);
    const title = model && "title" in model ? String(model.title) : name;
    const method = add(aws.apigateway.Method, `Method${name}`, {
      ...place,
      ...metered,
      ...validated(model && { name: title, schema: model, contentTypes: ["application/json"] }),
    });
    const integration = add(
      aws.apigateway.Integration,
      `Integration${name}`,
      {
        ...place,
        type: "AWS",
        integrationHttpMethod: "POST",
        uri: invocation(aliased(hello)),
        requestTemplates: { "application/json": requestTemplate },
        passthroughBehavior: "NEVER",
      },
      [method, ...mayCall],
    );
    for (const { statusCode, selectionPattern, template } of responses) {
      const status = { ...place, statusCode: String(statusCode) };
      const response = add(aws.apigateway.MethodResponse, `Response${name}${statusCode}`, status, [
        method,
      ]);
      add(
        aws.apigateway.IntegrationResponse,
        `Mapping${name}${statusCode}`,
        {
          ...status,
          ...(selectionPattern && { selectionPattern }),
          responseTemplates: { "application/json": template },
        },
        [integration, response],
      );
    }
  }

  for (const route of partnerRoutes) addProxy(route);
  for (const route of templateRoutes) {
    if (route.onProtectedStages || !stage.isProtected) addTemplates(route);
  }
  addProxy({ routeKey: "OPTIONS /{proxy+}", open: true, stream: false }); // preflights

  api.deploy();
  const { stage: deployed } = api.nodes;
  if (!deployed) throw new Error("The Partner API has no stage");
  const { stageName } = deployed;

  addMethodSettings({
    restApi,
    stageName,
    hasCache: cacheSize !== undefined,
    metricsEnabled: stage.routeMetrics,
  });
  const keys = addUsagePlans({ prefix, restApi, stageName });
  const { logGroup } = api.nodes;
  if (!logGroup) throw new Error("The Partner API has no access log");
  addQuotaMetric(logGroup.name);
  if (hasFirewall) addFirewall(API_NAME, deployed.arn);

  return {
    functions: { hello, stream },
    outputs: {
      partnerUrl: api.url.apply((url) => url.replace(/\/$/, "")),
      /** The ids of the keys; `get-api-key --include-value` shows a key itself. */
      partnerKeys: $util.all(keys).apply((all) => all.join(", ")),
    },
  };
}
