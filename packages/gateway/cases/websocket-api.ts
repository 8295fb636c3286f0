import { listen } from "../server.ts";
import { createWebSocketApi } from "../websocket/websocket-api.ts";
import type {
  WebSocketApiConfig,
  WebSocketAuthorizerConfig,
  WebSocketRouteConfig,
} from "../websocket/config.ts";
import { type CaseRunner, resolver } from "./case.ts";
import { type Witness, createHandlers } from "./handler.ts";
import { CREDENTIALS, type Client, type Opened, STEPS, type Step } from "./websocket-step.ts";

type Noted<Config extends { handler: unknown }> = Omit<Config, "handler"> & { handler: string };

interface ApiNotation extends Omit<WebSocketApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: Noted<WebSocketRouteConfig>[];
  authorizers?: Record<string, Noted<WebSocketAuthorizerConfig>>;
  apis?: Record<string, ApiNotation>;
}

/** Runs a case against the laptop's WebSocket API and its `@connections` over real sockets. */
export const runWebSocketApiCase: CaseRunner = async ({ config, steps }, issuer) => {
  const revive = resolver(issuer);
  const notation: ApiNotation = JSON.parse(JSON.stringify(config), revive);
  const apis = new Map<string, Opened>();
  const clients = new Map<string, Client>();
  try {
    for (const [name, api] of Object.entries(notation.apis ?? { "": notation })) {
      apis.set(name, await open(api));
    }
    let current = apis.get("");
    for (const [at, noted] of steps.entries()) {
      const step: Step = JSON.parse(JSON.stringify(noted), revive);
      if (step.api !== undefined) current = apis.get(step.api);
      if (!current) return `step ${at + 1}: there is no API ${step.api}`;
      const run = STEPS[step.do];
      if (!run) return `step ${at + 1}: a WebSocket API cannot do ${step.do}`;
      const differs = await run(step, { clients, current });
      if (differs !== undefined) return `step ${at + 1}: ${differs}`;
    }
    return undefined;
  } finally {
    for (const { socket } of clients.values()) socket.ws.terminate();
    for (const { api, server } of apis.values()) {
      await api.close();
      await server.close();
    }
  }
};

async function open({ routes = [], authorizers = {}, ...rest }: ApiNotation): Promise<Opened> {
  const handler = createHandlers();
  const authorizerWitness: Witness = { events: [] };
  const witnesses = new Map<string, Witness>(
    routes.map(({ routeKey }) => [routeKey, { events: [] }]),
  );
  let last: unknown;
  let connectionId = "";
  const api = createWebSocketApi({
    ...rest,
    credentials: CREDENTIALS,
    routes: routes.map((route) => {
      const run = handler(route.handler, witnesses.get(route.routeKey) ?? { events: [] });
      return {
        ...route,
        handler: (event, context) => {
          last = event;
          return run(event, context);
        },
      };
    }),
    authorizers: Object.fromEntries(
      Object.entries(authorizers).map(([name, authorizer]) => [
        name,
        { ...authorizer, handler: handler(authorizer.handler, authorizerWitness) },
      ]),
    ),
    accessLog: (record) => ({ connectionId } = record),
    onError: () => undefined,
  });
  const server = await listen({
    port: 0,
    host: "127.0.0.1",
    upgrade: (req, socket, head) => {
      if (!api.upgrade(req, socket, head)) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    },
    handle: (req, res) => {
      if (!api.handle(req, res)) res.writeHead(404).end();
    },
  });
  return {
    api,
    server,
    stage: rest.stage,
    authorizers: authorizerWitness,
    routes: witnesses,
    last: () => last,
    connectionId: () => connectionId,
  };
}
