/** Runs the cases of HTTP and REST APIs over real sockets. */

import type { JwtAuthorizerConfig } from "../auth/jwt-authorizer.ts";
import type { LambdaAuthorizerConfig } from "../auth/lambda-authorizer.ts";
import type { HttpApiConfig, RouteConfig } from "../http/config.ts";
import { createHttpApi } from "../http/http-api.ts";
import type { RestAuthorizerConfig } from "../rest/authorizer.ts";
import { type RestApiConfig, type RestRouteConfig, createRestApi } from "../rest/rest-api.ts";
import { type Listening, listen } from "../server.ts";
import {
  type Case,
  type CaseRunner,
  type RequestNotation,
  type StepMembers,
  type WithNotation,
  bodyOf,
  checkSteps,
  createClock,
  resolvePlaceholders,
} from "./case.ts";
import {
  type Recorder,
  createHandlers,
  createRecorder,
  createStreamingHandler,
} from "./handler.ts";
import type { CaseIssuer } from "./issuer.ts";
import { type References, difference, eventDifference, firstDifference } from "./match.ts";
import { type RawResponse, request as sendRequest } from "./raw-http.ts";
import { headerOf, responseDifference } from "./response.ts";

interface HttpNotation extends Omit<HttpApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: WithNotation<RouteConfig>[];
  authorizers?: Record<string, JwtAuthorizerConfig | AuthorizerNotation>;
  /** Several APIs; each step then names one of them. */
  apis?: Record<string, HttpNotation>;
}

interface RestNotation extends Omit<RestApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: WithNotation<RestRouteConfig>[];
  authorizers?: Record<string, WithNotation<RestAuthorizerConfig>>;
  /** Members of `identity`, written beside the others. */
  accountId?: string;
  region?: string;
  apiId?: string;
  apis?: Record<string, RestNotation>;
}

type AuthorizerNotation = Pick<LambdaAuthorizerConfig, "type"> &
  Partial<Omit<LambdaAuthorizerConfig, "type" | "handler" | "identitySource">> & {
    handler: string;
    identitySource?: string | string[];
  };

interface Step {
  do: string;
  api?: string;
  request: RequestNotation;
  ms?: number;
  seconds?: number;
  expect?: Record<string, unknown> & {
    event?: Record<string, unknown>;
    authorizerEvent?: Record<string, unknown>;
    bodyTextPreferred?: string;
    maxElapsedMs?: number;
    elapsedAtLeastMs?: number;
  };
}

/** One API of a case, on its own server. */
interface OpenApi {
  close(): void;
  server: Listening;
  integrations: Recorder;
  authorizers: Recorder;
}

const STEPS: StepMembers = {
  http: ["api", "request", "expect"],
  advanceClock: ["ms", "seconds"],
  expectHandlerResult: ["api", "expect"],
};

export const runHttpApiCase: CaseRunner = (testCase, issuer, warn) =>
  runCase(testCase, issuer, warn, openHttpApi);

export const runRestApiCase: CaseRunner = (testCase, issuer, warn) =>
  runCase(testCase, issuer, warn, openRestApi);

async function runCase<Notation extends { apis?: Record<string, Notation> }>(
  { config, steps }: Case,
  issuer: CaseIssuer,
  warn: (text: string) => void,
  open: (notation: Notation, clock: () => number) => Promise<OpenApi>,
): Promise<string | undefined> {
  checkSteps(steps, STEPS);
  const clock = createClock();
  const notation = resolvePlaceholders(config, issuer) as Notation;
  const apis = new Map<string, OpenApi>();
  try {
    for (const [name, api] of Object.entries(notation.apis ?? { "": notation })) {
      apis.set(name, await open(api, () => clock.now()));
    }
    for (const [at, unresolved] of steps.entries()) {
      // Resolved just before it runs, because the times in a token count from then.
      const step = resolvePlaceholders(unresolved, issuer) as Step;
      if (step.do === "advanceClock") {
        clock.advance(step);
        continue;
      }
      const api = apis.get(step.api ?? "");
      if (!api) return `step ${at + 1}: there is no API ${step.api}`;
      const differs =
        step.do === "http"
          ? await runStep(step, api, warn)
          : difference(step.expect, api.integrations.results.at(-1), {}, "the handler's result");
      if (differs !== undefined) return `step ${at + 1}: ${differs}`;
    }
    return undefined;
  } finally {
    for (const api of apis.values()) {
      api.close();
      await api.server.close();
    }
  }
}

async function openHttpApi(
  { routes = [], authorizers = {}, ...rest }: HttpNotation,
  clock: () => number,
): Promise<OpenApi> {
  const handler = createHandlers();
  const integrations = createRecorder();
  const calls = createRecorder();
  const api = createHttpApi({
    ...rest,
    clock,
    routes: routes.map((route) => ({ ...route, handler: handler(route.handler, integrations) })),
    authorizers: Object.fromEntries(
      Object.entries(authorizers).map(([name, authorizer]) => [
        name,
        authorizer.type === "JWT"
          ? authorizer
          : {
              payloadFormatVersion: "2.0" as const,
              simpleResponses: false,
              ttl: 0,
              ...authorizer,
              identitySource: [authorizer.identitySource ?? []].flat(),
              handler: handler(authorizer.handler, calls),
            },
      ]),
    ),
    // Handlers fail on purpose. The steps check what the client sees.
    onError: () => undefined,
  });
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  return { close: () => api.close(), server, integrations, authorizers: calls };
}

async function openRestApi(
  { routes = [], authorizers = {}, accountId, region, apiId, ...rest }: RestNotation,
  clock: () => number,
): Promise<OpenApi> {
  const handler = createHandlers();
  const integrations = createRecorder();
  const calls = createRecorder();
  const api = createRestApi({
    ...rest,
    clock,
    identity: {
      ...(accountId !== undefined && { accountId }),
      ...(region !== undefined && { region }),
      ...(apiId !== undefined && { apiId }),
    },
    routes: routes.map((route) => ({
      ...route,
      handler:
        createStreamingHandler(route.handler, integrations) ?? handler(route.handler, integrations),
    })),
    authorizers: Object.fromEntries(
      Object.entries(authorizers).map(([name, authorizer]) => [
        name,
        { ...authorizer, handler: handler(authorizer.handler, calls) } as RestAuthorizerConfig,
      ]),
    ),
    onError: () => undefined,
  });
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    handle: (req, res) => {
      if (!api.handle(req, res)) res.writeHead(404).end();
    },
  });
  return { close: () => undefined, server, integrations, authorizers: calls };
}

async function runStep(
  { request, expect = {} }: Step,
  { server, integrations, authorizers }: OpenApi,
  warn: (text: string) => void,
): Promise<string | undefined> {
  integrations.events = [];
  authorizers.events = [];
  const startedAt = performance.now();
  const response = await sendRequest(
    server.port,
    { ...request, body: bodyOf(request) },
    { partial: true },
  );
  const elapsed = Math.round(performance.now() - startedAt);
  const event = integrations.events.at(-1);
  const authorizerEvent = authorizers.events.at(-1);
  const references: References = { event, authorizerEvent, header: headersOf(response) };

  const preferred = expect.bodyTextPreferred;
  if (preferred !== undefined && preferred !== response.body.toString("utf8")) {
    warn(`the body is likely ${preferred} on AWS`);
  }
  const count = (name: string, events: unknown[]) => () =>
    name in expect ? difference(expect[name], events.length, references, name) : undefined;
  const checks = [
    () => responseDifference(expect, response, references),
    count("invocations", integrations.events),
    count("authorizerInvocations", authorizers.events),
    () => expect.event && eventDifference(expect.event, event, references, "event"),
    () =>
      expect.authorizerEvent &&
      eventDifference(expect.authorizerEvent, authorizerEvent, references, "authorizer event"),
    () =>
      expect.maxElapsedMs !== undefined && elapsed > expect.maxElapsedMs
        ? `it took ${elapsed} ms, more than ${expect.maxElapsedMs}`
        : undefined,
    () =>
      expect.elapsedAtLeastMs !== undefined && elapsed < expect.elapsedAtLeastMs
        ? `it took ${elapsed} ms, less than ${expect.elapsedAtLeastMs}`
        : undefined,
  ];
  return firstDifference(checks, (check) => check());
}

function headersOf(response: RawResponse): Record<string, unknown> {
  return Object.fromEntries(
    response.headers.map(([name]) => [name.toLowerCase(), headerOf(response, name)]),
  );
}
