/** Runs the cases of HTTP APIs over real sockets. */

import type { JwtAuthorizerConfig } from "../auth/jwt-authorizer.ts";
import type { LambdaAuthorizerConfig } from "../auth/lambda-authorizer.ts";
import type { HttpApiConfig, RouteConfig } from "../http/config.ts";
import { type HttpApi, createHttpApi } from "../http/http-api.ts";
import { type Listening, listen } from "../server.ts";
import {
  type CaseRunner,
  type RequestNotation,
  type StepMembers,
  type WithNotation,
  bodyOf,
  checkSteps,
  createClock,
  resolvePlaceholders,
} from "./case.ts";
import { type Recorder, createHandlers, createRecorder } from "./handler.ts";
import { type References, difference, eventDifference, firstDifference } from "./match.ts";
import { type RawResponse, request as sendRequest } from "./raw-http.ts";
import { headerOf, responseDifference } from "./response.ts";

interface ApiNotation extends Omit<HttpApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: WithNotation<RouteConfig>[];
  authorizers?: Record<string, JwtAuthorizerConfig | AuthorizerNotation>;
  /** Several APIs; each step then names one of them. */
  apis?: Record<string, ApiNotation>;
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
  };
}

/** One API of a case, on its own server. */
interface OpenApi {
  api: HttpApi;
  server: Listening;
  integrations: Recorder;
  authorizers: Recorder;
}

const STEPS: StepMembers = {
  http: ["api", "request", "expect"],
  advanceClock: ["ms", "seconds"],
  expectHandlerResult: ["api", "expect"],
};

export const runHttpApiCase: CaseRunner = async ({ config, steps }, issuer, warn) => {
  checkSteps(steps, STEPS);
  const clock = createClock();
  const notation = resolvePlaceholders(config, issuer) as ApiNotation;
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
    for (const { api, server } of apis.values()) {
      api.close();
      await server.close();
    }
  }
};

async function open(
  { routes = [], authorizers = {}, ...rest }: ApiNotation,
  clock: () => number,
): Promise<OpenApi> {
  const handler = createHandlers();
  const integrationRecorder = createRecorder();
  const authorizerRecorder = createRecorder();
  const api = createHttpApi({
    ...rest,
    clock,
    routes: routes.map((route) => ({
      ...route,
      handler: handler(route.handler, integrationRecorder),
    })),
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
              handler: handler(authorizer.handler, authorizerRecorder),
            },
      ]),
    ),
    // Handlers fail on purpose. The steps check what the client sees.
    onError: () => undefined,
  });
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  return { api, server, integrations: integrationRecorder, authorizers: authorizerRecorder };
}

async function runStep(
  { request, expect = {} }: Step,
  { server, integrations, authorizers }: OpenApi,
  warn: (text: string) => void,
): Promise<string | undefined> {
  integrations.events = [];
  authorizers.events = [];
  const startedAt = performance.now();
  const response = await sendRequest(server.port, { ...request, body: bodyOf(request) });
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
  ];
  return firstDifference(checks, (check) => check());
}

function headersOf(response: RawResponse): Record<string, unknown> {
  return Object.fromEntries(
    response.headers.map(([name]) => [name.toLowerCase(), headerOf(response, name)]),
  );
}
