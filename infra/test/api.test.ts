import { describe, expect, test } from "vitest";
import { liveApi, httpApi } from "@stockwire/local/api-definition";
import { cors, routes, throttles } from "@stockwire/functions/api/policy";
import { all, one, routesOf, stack, stages } from "./stack.ts";

const nothing = () => Promise.resolve(undefined);

describe.each(stages)("the HTTP API of %s", (stage) => {
  const of = () => stack(stage);
  const settings = () => one(of(), "apigatewayv2/stage", "ApiStage").inputs;

  test("S-038, S-039, S-206, S-244, S-248, S-261, S-263, S-334, S-352, S-392: has the laptop's routes", () => {
    const laptop = httpApi(nothing, "https://issuer.example");
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

  test("S-193, C-21, S-194: only the open list of the contract and $default are open", () => {
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

  test("S-107, S-247, S-262, S-246, S-264, S-315, C-27: all go to one function, as 2.0", () => {
    const [integration, ...others] = all(of(), "apigatewayv2/integration").filter(
      ({ inputs }) => inputs["apiId"] === "ApiApi-id",
    );
    expect(others).toEqual([]);
    expect(integration?.inputs).toMatchObject({
      integrationType: "AWS_PROXY",
      payloadFormatVersion: "2.0",
      integrationUri: expect.stringMatching(/:function:stockwire-[a-z-]+-HttpFunction-\w+(:1)?$/),
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

  test("S-013, S-042, S-190: the authorizer takes the issuer's tokens from one header", () => {
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

  test("S-204, S-205, S-206, S-207, S-328: throttles of the stage and of routes", () => {
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

  test("a stage waits for the routes that it has settings for", () => {
    const { dependsOn = [] } = one(of(), "apigatewayv2/stage", "ApiStage");
    const waited = new Set(dependsOn.map((id) => id.split("::").at(-1)));
    const ours = all(of(), "apigatewayv2/route").filter(({ name }) => name.startsWith("Route"));
    expect(ours).toHaveLength(routes.length);
    for (const { name } of ours) expect(waited).toContain(name);
  });

  test("S-241, S-326: one stage, $default, that deploys itself", () => {
    expect(settings()).toMatchObject({ name: "$default", autoDeploy: true });
  });

  test("S-163, S-165, S-167, S-168, S-169, S-245, A-04, C-22, C-47: CORS from one source", () => {
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
    const { variables } = one(of(), "lambda/function", "HttpFunction").inputs["environment"];
    expect(variables.ALLOWED_ORIGINS).toBe(origins.join(","));
  });

  test("S-283, S-284, S-285, S-286, S-287, S-288, S-289, S-294: the access log's members", () => {
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
    expect(destinationArn).toMatch(`log-group:/aws/apigateway/stockwire-${stage}-api`);
  });
});

describe.each(stages)("the Live API of %s", (stage) => {
  const of = () => stack(stage);

  test("S-040, S-221, S-232: has the laptop's routes, chosen by the action of a frame", () => {
    const laptop = liveApi(nothing, nothing);
    expect(one(of(), "apigatewayv2/api", "LiveApi").inputs).toMatchObject({
      protocolType: "WEBSOCKET",
      routeSelectionExpression: laptop.routeSelectionExpression,
    });
    expect([...routesOf(of(), "LiveApi").keys()].toSorted()).toEqual(
      laptop.routes.map(({ routeKey }) => routeKey).toSorted(),
    );
    expect(one(of(), "apigatewayv2/stage", "LiveStage").inputs).toMatchObject({
      name: laptop.stage,
      autoDeploy: true,
    });
  });

  test("S-013, S-232: its authorizer is asked at each $connect, wherever a credential is", () => {
    const { inputs } = one(of(), "apigatewayv2/authorizer", "LiveAuthorizerCallerAuthorizer");
    expect(inputs).toMatchObject({
      authorizerType: "REQUEST",
      identitySources: [],
      authorizerUri: expect.stringContaining("-LiveAuthorizerFunction-"),
    });
  });

  test("S-262, C-27: all its routes go to one function", () => {
    const integrations = all(of(), "apigatewayv2/integration").filter(
      ({ inputs }) => inputs["apiId"] === "LiveApi-id",
    );
    for (const { inputs } of integrations) {
      expect(inputs).toMatchObject({
        integrationType: "AWS_PROXY",
        integrationUri: expect.stringContaining("-LiveSocketFunction-"),
      });
    }
    expect(integrations).toHaveLength(routesOf(of(), "LiveApi").size);
  });

  test("S-283: its access log names connection, route and status, and no credential", () => {
    const { format } = one(of(), "apigatewayv2/stage", "LiveStage").inputs["accessLogSettings"];
    expect(JSON.parse(format)).toMatchObject({
      connectionId: "$context.connectionId",
      routeKey: "$context.routeKey",
      status: "$context.status",
    });
    expect(format).not.toMatch(/querystring|header/i);
  });
});

test("S-274, S-319, S-337: a domain has both APIs, over TLS 1.2 and not beside it", () => {
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
  const { variables } = one(production, "lambda/function", "LiveSocketFunction").inputs[
    "environment"
  ];
  expect(variables.LIVE_ENDPOINT).toMatch(/^https:\/\/liveapi\.execute-api\..*\/live$/);
});
