import { type HttpApi, createHttpApi } from "../http/http-api.ts";
import type { HttpApiConfig, RouteConfig } from "../http/config.ts";
import type { JwtAuthorizerConfig } from "../auth/jwt-authorizer.ts";
import type { RequestAuthorizerConfig } from "../auth/request-authorizer.ts";
import { type Listening, listen } from "../server.ts";
import { answerDifference, header } from "./answer.ts";
import { type CaseRunner, type RequestNotation, bodyOf, resolver } from "./case.ts";
import { type Witness, createHandlers } from "./handler.ts";
import { type Known, difference, eventDifference, first } from "./match.ts";
import { type RawAnswer, request } from "./raw-http.ts";

type Noted<Config extends { handler: unknown }> = Omit<Config, "handler"> & { handler: string };

interface ApiNotation extends Omit<HttpApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: Noted<RouteConfig>[];
  authorizers?: Record<string, JwtAuthorizerConfig | AuthorizerNotation>;
  apis?: Record<string, ApiNotation>;
}

type AuthorizerNotation = Pick<RequestAuthorizerConfig, "type"> &
  Partial<Omit<RequestAuthorizerConfig, "type" | "handler" | "identitySource">> & {
    handler: string;
    identitySource?: string | string[];
  };

interface Step {
  do: string;
  api?: string;
  request: RequestNotation;
  expect?: Record<string, unknown> & {
    event?: Record<string, unknown>;
    authorizerEvent?: Record<string, unknown>;
    bodyTextPreferred?: string;
    maxElapsedMs?: number;
  };
}

/** One API of a case, on a server of its own. */
interface Opened {
  api: HttpApi;
  server: Listening;
  integrations: Witness;
  authorizers: Witness;
}

/** Runs a case against the laptop's HTTP API over real sockets. */
export const runHttpApiCase: CaseRunner = async ({ config, steps }, issuer, warn) => {
  const revive = resolver(issuer);
  const notation: ApiNotation = JSON.parse(JSON.stringify(config), revive);
  const opened = new Map<string, Opened>();
  try {
    for (const [name, api] of Object.entries(notation.apis ?? { "": notation })) {
      opened.set(name, await open(api));
    }
    for (const [at, noted] of steps.entries()) {
      // Only now: a token's times count from when it is sent.
      const step: Step = JSON.parse(JSON.stringify(noted), revive);
      const target = opened.get(step.api ?? "");
      if (step.do !== "http") return `step ${at + 1}: an HTTP API cannot do ${step.do}`;
      if (!target) return `step ${at + 1}: there is no API ${step.api}`;
      const differs = await runStep(step, target, warn);
      if (differs !== undefined) return `step ${at + 1}: ${differs}`;
    }
    return undefined;
  } finally {
    for (const { api, server } of opened.values()) {
      api.close();
      await server.close();
    }
  }
};

async function open({ routes = [], authorizers = {}, ...rest }: ApiNotation): Promise<Opened> {
  const handler = createHandlers();
  const integrationWitness: Witness = { events: [] };
  const authorizerWitness: Witness = { events: [] };
  const api = createHttpApi({
    ...rest,
    routes: routes.map((route) => ({
      ...route,
      handler: handler(route.handler, integrationWitness),
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
              handler: handler(authorizer.handler, authorizerWitness),
            },
      ]),
    ),
    // Cases make Lambdas fail on purpose; what the client sees is what they check.
    onError: () => undefined,
  });
  const server = await listen({ port: 0, host: "127.0.0.1", handle: api.handle });
  return { api, server, integrations: integrationWitness, authorizers: authorizerWitness };
}

async function runStep(
  { request: wanted, expect = {} }: Step,
  { server, integrations, authorizers }: Opened,
  warn: (text: string) => void,
): Promise<string | undefined> {
  integrations.events = [];
  authorizers.events = [];
  const startedAt = performance.now();
  const answer = await request(server.port, { ...wanted, body: bodyOf(wanted) });
  const elapsed = Math.round(performance.now() - startedAt);
  const event = integrations.events.at(-1);
  const authorizerEvent = authorizers.events.at(-1);
  const known: Known = { event, authorizerEvent, header: headersOf(answer) };

  const preferred = expect.bodyTextPreferred;
  if (preferred !== undefined && preferred !== answer.body.toString("utf8")) {
    warn(`the body is likely ${preferred} on AWS`);
  }
  const count = (name: string, events: unknown[]) => () =>
    name in expect ? difference(expect[name], events.length, known, name) : undefined;
  const checks = [
    () => answerDifference(expect, answer, known),
    count("invocations", integrations.events),
    count("authorizerInvocations", authorizers.events),
    () => expect.event && eventDifference(expect.event, event, known, "event"),
    () =>
      expect.authorizerEvent &&
      eventDifference(expect.authorizerEvent, authorizerEvent, known, "authorizer event"),
    () =>
      expect.maxElapsedMs !== undefined && elapsed > expect.maxElapsedMs
        ? `it took ${elapsed} ms, more than ${expect.maxElapsedMs}`
        : undefined,
  ];
  return first(checks, (check) => check());
}

function headersOf(answer: RawAnswer): Record<string, unknown> {
  return Object.fromEntries(
    answer.headers.map(([name]) => [name.toLowerCase(), header(answer, name)]),
  );
}
