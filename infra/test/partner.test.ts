/** The Partner API, compared with the laptop's configuration of its gateway. */

import { describe, expect, test } from "vitest";
import { cors } from "@stockwire/functions/api/policy";
import { partnerApi } from "@stockwire/local/api-definition";
import type { RestRouteConfig } from "@stockwire/gateway/rest/rest-api";
import { settingsOf } from "../stage.ts";
import type { Evaluation } from "./evaluate.ts";
import { byRoute } from "./partner-rule.ts";
import { all, evaluated, one, stack } from "./stack.ts";

const unused = () => Promise.resolve(undefined);
const stream = { handler: unused, responseTransferMode: "STREAM", timeoutMs: 900_000 } as const;
const functions = { http: unused, hello: unused, stream, authorizer: unused };

/** The stages with a Partner API: their settings, and whether they have the methods for developers. */
const PARTNERS: readonly {
  name: string;
  of: () => Evaluation;
  cache: boolean;
  deniedRanges: readonly string[];
  isProtected: boolean;
}[] = [
  {
    name: "staging, with every option",
    of: () => stack("staging"),
    cache: true,
    deniedRanges: ["203.0.113.0/24", "2001:db8::/32"],
    isProtected: false,
  },
  {
    name: "production, without options",
    of: () => stack("production"),
    cache: false,
    deniedRanges: [],
    isProtected: true,
  },
  {
    name: "a private API in a fresh account",
    of: () => evaluated.fresh,
    cache: false,
    deniedRanges: ["10.0.8.0/24"],
    isProtected: true,
  },
  {
    name: "sst dev",
    of: () => evaluated.underSstDev,
    cache: false,
    deniedRanges: [],
    isProtected: false,
  },
];

/** The routes of the laptop that a stage has too, by key. */
function laptopRoutes(settings: (typeof PARTNERS)[number]): Map<string, RestRouteConfig> {
  const { routes } = partnerApi(functions, settings);
  return new Map(
    routes.flatMap((route) =>
      settings.isProtected && route.routeKey.includes("/echo/") ? [] : [[route.routeKey, route]],
    ),
  );
}

describe.each(PARTNERS)("the Partner API: $name", (settings) => {
  const { of, cache, deniedRanges } = settings;
  const stage = () => one(of(), "apigateway/stage", "PartnerStage").inputs;
  const functionOf = (uri: unknown) =>
    /:function:stockwire-[a-z]+-(\w+)(?::\$\{stageVariables\.lambdaAlias\})?\/(?:response-streaming-)?invocations$/.exec(
      String(uri),
    )?.[1];

  test("has the methods of the laptop, with the same keys, tokens and models", () => {
    const laptop = laptopRoutes(settings);
    const methods = byRoute(of(), "method");
    const schemas = new Map(
      all(of(), "apigateway/model").map(({ inputs }) => [
        inputs["name"] as string,
        JSON.parse(inputs["schema"]) as object,
      ]),
    );
    expect([...methods.keys()].toSorted()).toEqual([...laptop.keys()].toSorted());
    for (const [key, { authorizer, apiKeyRequired, requestModels, validate }] of laptop) {
      const inputs = methods.get(key) ?? {};
      const models = Object.entries((inputs["requestModels"] ?? {}) as Record<string, string>);
      expect([key, inputs["authorization"], inputs["apiKeyRequired"] ?? false]).toEqual([
        key,
        authorizer ? "CUSTOM" : "NONE",
        apiKeyRequired ?? false,
      ]);
      expect([
        key,
        Object.fromEntries(models.map(([type, name]) => [type, schemas.get(name)])),
      ]).toEqual([key, requestModels ?? {}]);
      expect(inputs["requestValidatorId"] !== undefined).toBe(validate !== undefined);
    }
    const { inputs } = one(of(), "apigateway/requestValidator", "PartnerBody");
    expect(inputs).toMatchObject({ validateRequestBody: true, validateRequestParameters: false });
  });

  test("has the integrations of the laptop: the app, or mapping templates", () => {
    const answers = all(of(), "apigateway/integrationResponse").map(({ inputs }) => inputs);
    const integrations = byRoute(of(), "integration");
    for (const [key, route] of laptopRoutes(settings)) {
      const { integration: laptop, responseTransferMode, timeoutMs } = route;
      const inputs = integrations.get(key) ?? {};
      const { resourceId, httpMethod } = inputs;
      expect(inputs["integrationHttpMethod"]).toBe("POST");
      expect([key, inputs["type"], functionOf(inputs["uri"])]).toEqual(
        laptop?.type === "AWS"
          ? [key, "AWS", "hello"]
          : [key, "AWS_PROXY", responseTransferMode === "STREAM" ? "stream" : "http"],
      );
      expect(inputs["responseTransferMode"]).toBe(responseTransferMode);
      expect(inputs["timeoutMilliseconds"]).toBe(timeoutMs);
      if (laptop?.type !== "AWS") continue;
      expect(inputs["requestTemplates"]).toEqual(laptop.requestTemplates);
      expect(inputs["passthroughBehavior"]).toBe(laptop.passthroughBehavior);
      const found = answers
        .filter((each) => each["resourceId"] === resourceId && each["httpMethod"] === httpMethod)
        .map(({ statusCode, selectionPattern, responseTemplates }) => ({
          statusCode: Number(statusCode),
          ...(selectionPattern && { selectionPattern }),
          responseTemplate: responseTemplates["application/json"],
        }));
      const byStatus = (a: { statusCode: number }, b: { statusCode: number }) =>
        a.statusCode - b.statusCode;
      expect(found.toSorted(byStatus)).toEqual(laptop.responses?.toSorted(byStatus));
    }
  });

  test("streams the changes from a function of its own", () => {
    const streams = [...byRoute(of(), "integration")].filter(
      ([, { responseTransferMode }]) => responseTransferMode === "STREAM",
    );
    expect(streams.map(([key, { uri }]) => [key, functionOf(uri)])).toEqual([
      ["GET /changes/stream", "stream"],
    ]);
    // The function in its place under `sst dev` must stream as well.
    const { environment } = one(of(), "lambda/function", "StreamHandlerFunction").inputs;
    expect(environment.variables.SST_FUNCTION_STREAMING).toBe(
      of().stage === "live" ? "true" : undefined,
    );
  });

  test("without a token there are health and preflights only, without a key also the stream", () => {
    const keysOf = (isFound: (inputs: Record<string, unknown>) => boolean) =>
      [...byRoute(of(), "method")]
        .flatMap(([key, inputs]) => (isFound(inputs) ? key : []))
        .toSorted();
    const open = ["GET /health", "OPTIONS /{proxy+}"];
    expect(keysOf(({ authorization }) => authorization !== "CUSTOM")).toEqual(open);
    expect(keysOf(({ apiKeyRequired }) => apiKeyRequired !== true)).toEqual([
      "GET /changes/stream",
      ...open,
    ]);
  });

  test("the TOKEN authorizer is the function `authorizer`, and its policies are kept for 300 s", () => {
    const { authorizers } = partnerApi(functions, settings);
    const { inputs } = one(of(), "apigateway/authorizer", "PartnerToken");
    expect(authorizers?.["token"]).toMatchObject({ type: "TOKEN", ttl: 300 });
    expect(inputs).toMatchObject({
      type: "TOKEN",
      identitySource: authorizers?.["token"]?.identitySource,
      authorizerResultTtlInSeconds: authorizers?.["token"]?.ttl,
      authorizerUri: expect.stringMatching(/-authorizer(?::live)?\/invocations$/),
    });
  });

  test("the plans are those of the laptop, each with a key whose value AWS makes", () => {
    const { usagePlans = [] } = partnerApi(functions, settings);
    const plans = all(of(), "apigateway/usagePlan").map(({ inputs }) => inputs);
    expect(
      plans.map(({ name, throttleSettings, quotaSettings }) => ({
        name: String(name).replace(`stockwire-${of().stage}-`, ""),
        stages: ["partner"],
        throttle: { rate: throttleSettings.rateLimit, burst: throttleSettings.burstLimit },
        quota: quotaSettings,
      })),
    ).toEqual(usagePlans);
    expect(usagePlans.map(({ throttle, quota }) => [throttle, quota])).toEqual([
      [
        { rate: 50, burst: 100 },
        { limit: 1_000, period: "MONTH" },
      ],
      [
        { rate: 1_000, burst: 2_000 },
        { limit: 10_000, period: "MONTH" },
      ],
    ]);
    const keys = all(of(), "apigateway/apiKey");
    expect(keys.map(({ inputs }) => "value" in inputs)).toEqual([false, false]);
    expect(of().outputs["partnerKeys"]).toBe(
      "basic: PartnerBasicKey-id, production: PartnerProductionKey-id",
    );
  });

  test("stage and methods have the laptop's throttles, and what it caches, encrypted for 300 s", () => {
    const { throttle } = partnerApi(functions, settings);
    const found = new Map(
      all(of(), "apigateway/methodSettings").map(({ inputs }) => [
        inputs["methodPath"] as string,
        inputs["settings"] as object,
      ]),
    );
    const limits = (given = throttle) => ({
      throttlingRateLimit: given?.rate,
      throttlingBurstLimit: given?.burst,
    });
    expect(found.get("*/*")).toMatchObject(limits());
    const special = [...laptopRoutes(settings)].filter(([, each]) => each.throttle ?? each.cache);
    const pathOf = (key: string) => {
      const [method = "", path = ""] = key.split(" ");
      return `${path.replaceAll("/", "~1")}/${method}`;
    };
    expect([...found.keys()].toSorted()).toEqual(
      ["*/*", ...special.map(([key]) => pathOf(key))].toSorted(),
    );
    for (const [key, { throttle: own, cache: caching }] of special) {
      expect(found.get(pathOf(key))).toMatchObject({
        ...limits(own),
        ...(caching && {
          cachingEnabled: true,
          cacheTtlInSeconds: caching.ttl,
          cacheDataEncrypted: true,
          requireAuthorizationForCacheControl: true,
          unauthorizedCacheControlHeaderStrategy: "SUCCEED_WITH_RESPONSE_HEADER",
        }),
      });
      if (!caching) expect(found.get(pathOf(key))).not.toHaveProperty("cachingEnabled");
      expect(byRoute(of(), "integration").get(key)?.["cacheKeyParameters"]).toEqual(
        caching?.keyParameters,
      );
    }
    expect([...found.values()].filter((each) => "cachingEnabled" in each)).toHaveLength(
      cache ? 6 : 0,
    );
    expect(stage()["cacheClusterSize"]).toBe(cache ? "0.5" : undefined);
  });

  test("the stage names the alias that integrations call, and the table", () => {
    expect(stage()).toMatchObject({
      stageName: "partner",
      variables: {
        lambdaAlias: of().stage === "live" ? "sst-dev" : "live",
        tableName: one(of(), "dynamodb/table", "DataTable").inputs["name"],
      },
      xrayTracingEnabled: of().stage !== "live",
    });
    const uris = [...byRoute(of(), "integration").values()].map(({ uri }) => String(uri));
    for (const uri of uris) {
      // Under `sst dev` there is no alias.
      expect(uri.includes(":${stageVariables.lambdaAlias}/")).toBe(of().stage !== "live");
    }
  });

  test("a resource policy refuses the ranges that are set", () => {
    const policies = all(of(), "apigateway/restApiPolicy").map(
      ({ inputs }) => JSON.parse(inputs["policy"]) as { Statement: Record<string, unknown>[] },
    );
    const isPrivate = of().stage === "prod";
    if (deniedRanges.length === 0) return expect(policies).toEqual([]);
    const everyone = {
      Principal: "*",
      Action: "execute-api:Invoke",
      Resource: "arn:aws:execute-api:us-east-1:123456789012:partnerapi/*",
    };
    return expect(policies[0]?.Statement).toEqual([
      { Effect: "Allow", ...everyone },
      ...(isPrivate
        ? [
            {
              Effect: "Deny",
              ...everyone,
              Condition: { StringNotEquals: { "aws:SourceVpce": "vpce-0123456789abcdef0" } },
            },
          ]
        : []),
      {
        Effect: "Deny",
        ...everyone,
        Condition: {
          IpAddress: { [isPrivate ? "aws:VpcSourceIp" : "aws:SourceIp"]: deniedRanges },
        },
      },
    ]);
  });

  test("the endpoint is regional or private, and preflights reach the app", () => {
    const { endpointConfiguration, binaryMediaTypes } = one(
      of(),
      "apigateway/restApi",
      "PartnerApi",
    ).inputs;
    expect(endpointConfiguration).toEqual(
      of().stage === "prod"
        ? { types: "PRIVATE", vpcEndpointIds: ["vpce-0123456789abcdef0"] }
        : { types: "REGIONAL" },
    );
    expect(binaryMediaTypes).toBe(undefined); // bodies are text
    expect(all(of(), "apigateway/response")).toEqual([]); // no CORS headers of the gateway
    expect(cors.methods).toContain("OPTIONS");
  });

  test("the access log says why a request was refused, and has no credential", () => {
    const { destinationArn, format } = stage()["accessLogSettings"];
    expect(JSON.parse(format)).toMatchObject({
      stage: of().stage,
      requestId: "$context.requestId",
      apiKeyId: "$context.identity.apiKeyId",
      status: "$context.status",
      error: "$context.error.responseType",
      authorizerError: "$context.authorizer.error",
    });
    expect(format).not.toMatch(/apiKey"|querystring|header|principalId|validationErrorString/i);
    expect(destinationArn).toMatch(
      `log-group:/aws/vendedlogs/apigateway/stockwire-${of().stage}-partner`,
    );
    const { inputs } = one(of(), "cloudwatch/logMetricFilter", "PartnerQuotaFilter");
    expect(inputs).toMatchObject({
      pattern: '{ $.error = "QUOTA_EXCEEDED" }',
      metricTransformation: { namespace: "Stockwire", dimensions: { stage: "$.stage" } },
    });
  });
});

test("a firewall is only where it is asked for, and lets large bodies and scripts through", () => {
  const [acl, ...others] = all(stack("staging"), "wafv2/webAcl");
  expect(others).toEqual([]);
  expect(JSON.stringify(acl?.inputs["rules"])).not.toMatch(/CommonRuleSet|rateBased/);
  expect(
    one(stack("staging"), "wafv2/webAclAssociation", "PartnerFirewallAssociation").inputs,
  ).toEqual({
    resourceArn: "arn:aws:apigateway:us-east-1::/restapis/PartnerApi-id/stages/partner",
    webAclArn: "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/stockwire-staging-partner/1",
  });
  expect(all(stack("production"), "wafv2/webAcl")).toEqual([]);
});

test("with a domain it is partner.<domain>, with TLS 1.2, and has no other URL", () => {
  const production = stack("production");
  expect(one(production, "apigateway/domainName", "PartnerDomainName").inputs).toMatchObject({
    domainName: "partner.shop.example",
    securityPolicy: "TLS_1_2",
    endpointConfiguration: { types: "REGIONAL" },
  });
  expect(one(production, "apigateway/basePathMapping", "PartnerDomainMapping").inputs).toEqual({
    restApi: "PartnerApi-id",
    domainName: "PartnerDomainName-id",
    stageName: "partner",
  });
  const { disableExecuteApiEndpoint } = one(production, "apigateway/restApi", "PartnerApi").inputs;
  expect(disableExecuteApiEndpoint).toBe(true);
  expect(production.outputs["partnerUrl"]).toBe("https://partner.shop.example");
  // A private API has no public domain.
  expect(all(evaluated.fresh, "apigateway/domainName")).toEqual([]);
  expect(stack("staging").outputs["partnerUrl"]).toMatch(/^https:\/\/.*\.amazonaws\.com\/partner$/);
});

test("a stage has no Partner API unless the account sets it", () => {
  const dev = stack("dev").resources.filter(({ type, name }) =>
    /apigateway\/|wafv2/.test(type)
      ? !name.includes("Account")
      : /Partner|Hello|StreamHandler/.test(name),
  );
  expect(dev.map(({ name }) => name).filter((name) => !/^(?:Live)?Route/.test(name))).toEqual([]);
  expect(stack("dev").outputs).not.toHaveProperty("partnerUrl");
});

describe("settings", () => {
  test("have no effect without STOCKWIRE_PARTNER, so they are refused", () => {
    expect(settingsOf("dev", {}).partner).toBe(undefined);
    expect(settingsOf("dev", { STOCKWIRE_PARTNER: "1" }).partner).toEqual({
      deniedRanges: [],
      reservedReaders: 0,
      vpcEndpoint: undefined,
      cacheSize: undefined,
      hasFirewall: false,
    });
    for (const [name, value] of [
      ["STOCKWIRE_PARTNER_DENIED", "203.0.113.0/24"],
      ["STOCKWIRE_PARTNER_ENDPOINT", "vpce-0123456789abcdef0"],
      ["STOCKWIRE_PARTNER_CACHE", "0.5"],
      ["STOCKWIRE_PARTNER_FIREWALL", "1"],
      ["STOCKWIRE_PARTNER_READERS", "50"],
    ] as const) {
      expect(() => settingsOf("dev", { [name]: value })).toThrow(/^Set STOCKWIRE_PARTNER=1: .+$/);
      expect(settingsOf("dev", { [name]: value, STOCKWIRE_PARTNER: "1" }).partner).toBeDefined();
    }
  });

  test.each([
    ["STOCKWIRE_PARTNER_DENIED", "203.0.113.1"],
    ["STOCKWIRE_PARTNER_DENIED", "203.0.113.0/24,"],
    ["STOCKWIRE_PARTNER_ENDPOINT", "com.amazonaws.us-east-1.execute-api"],
    ["STOCKWIRE_PARTNER_CACHE", "1"],
    ["STOCKWIRE_PARTNER", "yes"],
  ])("%s=%s is refused with one line", (name, value) => {
    expect(() => settingsOf("dev", { STOCKWIRE_PARTNER: "1", [name]: value })).toThrow(
      new RegExp(`^${name}: .+$`),
    );
  });
});
