/** Runs the cases of WebSocket APIs and of `@connections` over real sockets. */

import { listen } from "../server.ts";
import type {
  WebSocketApiConfig,
  WebSocketAuthorizerConfig,
  WebSocketRouteConfig,
} from "../websocket/config.ts";
import { createWebSocketApi } from "../websocket/websocket-api.ts";
import { type CaseRunner, type WithNotation, resolvePlaceholders } from "./case.ts";
import { type Recorder, createHandlers } from "./handler.ts";
import { CREDENTIALS, type Client, type OpenApi, STEPS, type Step } from "./websocket-step.ts";

interface ApiNotation extends Omit<WebSocketApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: WithNotation<WebSocketRouteConfig>[];
  authorizers?: Record<string, WithNotation<WebSocketAuthorizerConfig>>;
  /** Several APIs; a step names the one that it and the steps after it use. */
  apis?: Record<string, ApiNotation>;
}

export const runWebSocketApiCase: CaseRunner = async ({ config, steps }, issuer) => {
  const notation = resolvePlaceholders(config, issuer) as ApiNotation;
  const apis = new Map<string, OpenApi>();
  const clients = new Map<string, Client>();
  try {
    for (const [name, api] of Object.entries(notation.apis ?? { "": notation })) {
      apis.set(name, await open(api));
    }
    let current = apis.get("");
    for (const [at, unresolved] of steps.entries()) {
      const step = resolvePlaceholders(unresolved, issuer) as Step;
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

async function open({ routes = [], authorizers = {}, ...rest }: ApiNotation): Promise<OpenApi> {
  const handler = createHandlers();
  const authorizerRecorder: Recorder = { events: [] };
  const recorders = new Map<string, Recorder>();
  let lastEvent: unknown;
  let connectionId = "";
  const api = createWebSocketApi({
    ...rest,
    credentials: CREDENTIALS,
    routes: routes.map((route) => {
      const recorder: Recorder = { events: [] };
      recorders.set(route.routeKey, recorder);
      const run = handler(route.handler, recorder);
      return {
        ...route,
        handler: (event, context) => {
          lastEvent = event;
          return run(event, context);
        },
      };
    }),
    authorizers: Object.fromEntries(
      Object.entries(authorizers).map(([name, authorizer]) => [
        name,
        { ...authorizer, handler: handler(authorizer.handler, authorizerRecorder) },
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
    authorizers: authorizerRecorder,
    routes: recorders,
    lastEvent: () => lastEvent,
    connectionId: () => connectionId,
  };
}
