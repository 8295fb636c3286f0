/** The Live API, compared with the laptop's configuration of its gateway. */

import { describe, expect, test } from "vitest";
import { liveApi } from "@stockwire/local/api-definition";
import { all, one, routesOf, stack, stages } from "./stack.ts";

const unused = () => Promise.resolve(undefined);

describe.each(stages)("the Live API of %s", (stage) => {
  const of = () => stack(stage);

  test("has the same routes as on the laptop, selected by a frame's action", () => {
    const laptop = liveApi(unused, unused);
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
      defaultRouteSettings: {
        throttlingRateLimit: laptop.throttle?.rate,
        throttlingBurstLimit: laptop.throttle?.burst,
      },
    });
  });

  test("calls the authorizer for every $connect, wherever the credential is", () => {
    const { inputs } = one(of(), "apigatewayv2/authorizer", "LiveAuthorizerCallerAuthorizer");
    expect(inputs).toMatchObject({
      authorizerType: "REQUEST",
      identitySources: [],
      authorizerUri: expect.stringContaining(`:function:stockwire-${stage}-authorizer:live/`),
    });
  });

  test("all routes call one function", () => {
    const integrations = all(of(), "apigatewayv2/integration").filter(
      ({ inputs }) => inputs["apiId"] === "LiveApi-id",
    );
    for (const { inputs } of integrations) {
      expect(inputs).toMatchObject({
        integrationType: "AWS_PROXY",
        integrationUri: expect.stringContaining(`:function:stockwire-${stage}-live:live/`),
      });
    }
    expect(integrations).toHaveLength(routesOf(of(), "LiveApi").size);
  });

  test("the access log has connection, route and status, and no credential", () => {
    const { format } = one(of(), "apigatewayv2/stage", "LiveStage").inputs["accessLogSettings"];
    expect(JSON.parse(format)).toMatchObject({
      connectionId: "$context.connectionId",
      routeKey: "$context.routeKey",
      status: "$context.status",
    });
    expect(format).not.toMatch(/querystring|header/i);
  });
});
