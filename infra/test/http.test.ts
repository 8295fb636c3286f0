/** The HTTP API, compared with the policy and with the laptop's configuration of its gateway. */

import { describe, expect, test } from "vitest";
import { httpApi } from "@stockwire/local/api-definition";
import { cors, routes, throttles } from "@stockwire/functions/api/policy";
import { all, one, routesOf, stack, stages } from "./stack.ts";

const unused = () => Promise.resolve(undefined);

describe.each(stages)("the HTTP API of %s", (stage) => {
  const of = () => stack(stage);
  const settings = () => one(of(), "apigatewayv2/stage", "ApiStage").inputs;

  test("has the same routes, scopes and authorizers as on the laptop", () => {
    const laptop = httpApi(unused, "https://issuer.example");
    const found = routesOf(of(), "ApiApi");
    expect(one(of(), "apigatewayv2/api", "ApiApi").inputs["protocolType"]).toBe("HTTP");
    expect([...found.keys()].toSorted()).toEqual(
      laptop.routes.map(({ routeKey }) => routeKey).toSorted(),
    );
    for (const { routeKey, scopes, authorizer } of laptop.routes) {
      const inputs = found.get(routeKey) ?? {};
      expect([routeKey, inputs["authorizationScopes"] ?? []]).toEqual([routeKey, scopes ?? []]);
      expect(inputs["authorizationType"]).toBe(authorizer ? "JWT" : "NONE");
    }
  });

  test("only $default and the open routes of docs/contract.md have no authorizer", () => {
    const open = [...routesOf(of(), "ApiApi")].filter(
      ([, { authorizationType }]) => authorizationType !== "JWT",
    );
    expect(open.map(([key]) => key).toSorted()).toEqual([
      "$default",
      "GET /asyncapi.json",
      "GET /docs",
      "GET /docs/problems",
      "GET /health",
      "GET /hello",
      "GET /openapi.json",
      "GET /ready",
      "GET /version",
    ]);
  });

  test("all routes share one integration, payload 2.0, and one permission", () => {
    const [integration, ...others] = all(of(), "apigatewayv2/integration").filter(
      ({ inputs }) => inputs["apiId"] === "ApiApi-id",
    );
    expect(others).toEqual([]);
    expect(integration?.inputs).toMatchObject({
      integrationType: "AWS_PROXY",
      payloadFormatVersion: "2.0",
      integrationUri: expect.stringMatching(/:function:stockwire-[a-z]+-http:live$/),
    });
    for (const { target } of routesOf(of(), "ApiApi").values()) {
      expect(target).toBe(`integrations/${integration?.name}-id`);
    }
    const permissions = all(of(), "lambda/permission").filter(({ inputs }) =>
      String(inputs["sourceArn"]).includes(":apiapi/"),
    );
    expect(permissions.map(({ inputs }) => inputs)).toMatchObject([
      { principal: "apigateway.amazonaws.com", sourceArn: expect.stringMatching(/:apiapi\/\*$/) },
    ]);
  });

  test("the JWT authorizer accepts the issuer's tokens, in the Authorization header", () => {
    const { inputs } = one(of(), "apigatewayv2/authorizer", "ApiAuthorizerTokenAuthorizer");
    const cognito = stage !== "staging";
    expect(inputs).toMatchObject({
      authorizerType: "JWT",
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: cognito
        ? {
            issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_UsersUserPool",
            audiences: ["MachineClient-id", "BrowserClient-id"],
          }
        : { issuer: "https://login.shop.example/realm", audiences: ["stockwire"] },
    });
  });

  test("the stage and some routes have throttles", () => {
    const { defaultRouteSettings, routeSettings } = settings();
    expect(defaultRouteSettings).toMatchObject({
      throttlingRateLimit: throttles.stage.rate,
      throttlingBurstLimit: throttles.stage.burst,
      detailedMetricsEnabled: stage !== "dev", // Count, 4xx, 5xx and both latencies by route
    });
    expect(throttles.stage).toEqual({ rate: 1_000, burst: 2_000 });
    expect(routeSettings).toHaveLength(routes.filter(({ throttle }) => throttle).length);
    expect(routeSettings).toContainEqual({
      routeKey: "GET /users",
      throttlingRateLimit: 100,
      throttlingBurstLimit: 200,
      detailedMetricsEnabled: stage !== "dev",
    });
  });

  test("the stage is created after the routes that it has settings for", () => {
    const { dependsOn = [] } = one(of(), "apigatewayv2/stage", "ApiStage");
    const dependencies = new Set(dependsOn.map((id) => id.split("::").at(-1)));
    const fromPolicy = all(of(), "apigatewayv2/route").filter(({ name }) =>
      name.startsWith("Route"),
    );
    expect(fromPolicy).toHaveLength(routes.length);
    for (const { name } of fromPolicy) expect(dependencies).toContain(name);
  });

  test("there is one stage, $default, with automatic deployments", () => {
    expect(settings()).toMatchObject({ name: "$default", autoDeploy: true });
  });

  test("gateway and function have the same CORS settings", () => {
    const { corsConfiguration } = one(of(), "apigatewayv2/api", "ApiApi").inputs;
    const origins =
      stage === "production"
        ? ["https://shop.example", "https://admin.shop.example"]
        : ["http://localhost:3000", "http://localhost:5173"];
    expect(corsConfiguration).toEqual({
      allowOrigins: origins,
      allowCredentials: true,
      allowMethods: cors.methods,
      allowHeaders: cors.headers,
      exposeHeaders: cors.exposed,
      maxAge: 86_400,
    });
    const { variables } = one(of(), "lambda/function", "HttpHandlerFunction").inputs["environment"];
    expect(variables.ALLOWED_ORIGINS).toBe(origins.join(","));
  });

  test("the access log has the members that the runbook uses, and no credential", () => {
    const { destinationArn, format } = settings()["accessLogSettings"];
    expect(JSON.parse(format)).toMatchObject({
      requestId: "$context.requestId",
      ip: "$context.identity.sourceIp",
      requestTime: "$context.requestTime",
      httpMethod: "$context.httpMethod",
      routeKey: "$context.routeKey",
      status: "$context.status",
      responseLength: "$context.responseLength",
      integrationLatency: "$context.integrationLatency",
    });
    expect(format).not.toMatch(/authorizer\.claims|querystring|header/i);
    expect(destinationArn).toMatch(`log-group:/aws/vendedlogs/apigateway/stockwire-${stage}-api`);
  });
});

test("with a domain both APIs have a subdomain with TLS 1.2, and the HTTP API no other URL", () => {
  const production = stack("production");
  const domains = all(production, "apigatewayv2/domainName").map(({ inputs }) => inputs);
  expect(domains).toMatchObject([
    { domainName: "api.shop.example", domainNameConfiguration: { securityPolicy: "TLS_1_2" } },
    { domainName: "live.shop.example", domainNameConfiguration: { securityPolicy: "TLS_1_2" } },
  ]);
  expect(one(production, "apigatewayv2/api", "ApiApi").inputs["disableExecuteApiEndpoint"]).toBe(
    true,
  );
  expect(production.outputs).toMatchObject({
    apiUrl: "https://api.shop.example",
    liveUrl: "wss://live.shop.example",
    docsUrl: "https://api.shop.example/docs",
  });
  const { variables } = one(production, "lambda/function", "LiveHandlerFunction").inputs[
    "environment"
  ];
  expect(variables.LIVE_ENDPOINT).toMatch(/^https:\/\/liveapi\.execute-api\..*\/live$/);
});
