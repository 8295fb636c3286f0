/** Runs the cases of WebSocket APIs and of `@connections` over real sockets. */

import { listen } from "../server.ts";
import type {
  WebSocketApiConfig,
  WebSocketAuthorizerConfig,
  WebSocketRouteConfig,
} from "../websocket/config.ts";
import { createWebSocketApi } from "../websocket/websocket-api.ts";
import {
  type CaseClock,
  type CaseRunner,
  type WithNotation,
  checkSteps,
  createClock,
  resolvePlaceholders,
} from "./case.ts";
import { type Recorder, createHandlers, createRecorder } from "./handler.ts";
import {
  CREDENTIALS,
  type Client,
  MEMBERS,
  type OpenApi,
  STEPS,
  type Step,
  manage,
} from "./websocket-step.ts";

interface ApiNotation extends Omit<WebSocketApiConfig, "routes" | "authorizers" | "onError"> {
  routes?: WithNotation<WebSocketRouteConfig>[];
  authorizers?: Record<string, WithNotation<WebSocketAuthorizerConfig>>;
  /** Several APIs; a step names the one that it and the steps after it use. */
  apis?: Record<string, ApiNotation>;
}

export const runWebSocketApiCase: CaseRunner = async ({ config, steps }, issuer) => {
  checkSteps(steps, MEMBERS);
  const clock = createClock();
  const notation = resolvePlaceholders(config, issuer) as ApiNotation;
  const apis = new Map<string, OpenApi>();
  const clients = new Map<string, Client>();
  try {
    for (const [name, api] of Object.entries(notation.apis ?? { "": notation })) {
      apis.set(name, await open(api, clock));
    }
    let current = apis.get("");
    for (const [at, unresolved] of steps.entries()) {
      const step = resolvePlaceholders(unresolved, issuer) as Step;
      if (step.api !== undefined) current = apis.get(step.api);
      if (!current) return `step ${at + 1}: there is no API ${step.api}`;
      const run = STEPS[step.do];
      const differs = await run?.(step, { clients, current });
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

async function open(
  { routes = [], authorizers = {}, ...rest }: ApiNotation,
  clock: CaseClock,
): Promise<OpenApi> {
  const command = (method: string) => (connectionId: string, body?: unknown) => {
    const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
    return manage(opened, { method, connectionId, body: Buffer.from(text), sign: true }).then(
      ({ status, body: answer }) => ({ status, body: answer.toString() }),
    );
  };
  // For handlers: `ctx.mgmt("POST", id, data)` or `ctx.mgmt.post(id, data)`.
  const mgmt = Object.assign(
    (method: string, connectionId: string, body?: unknown) => command(method)(connectionId, body),
    { post: command("POST"), get: command("GET"), delete: command("DELETE") },
  );
  const handler = createHandlers({ mgmt });
  const authorizerRecorder = createRecorder();
  const recorders = new Map<string, Recorder>();
  let lastEvent: unknown;
  let lastRecorder: Recorder | undefined;
  let connectionId = "";
  const api = createWebSocketApi({
    ...rest,
    clock: () => clock.now(),
    credentials: CREDENTIALS,
    routes: routes.map((route) => {
      const recorder = createRecorder();
      recorders.set(route.routeKey, recorder);
      const run = handler(route.handler, recorder);
      return {
        ...route,
        handler: (event, context) => {
          lastEvent = event;
          lastRecorder = recorder;
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
  const opened: OpenApi = {
    api,
    server,
    clock,
    stage: rest.stage,
    authorizers: authorizerRecorder,
    routes: recorders,
    lastEvent: () => lastEvent,
    lastResult: (route) => (route ? recorders.get(route) : lastRecorder)?.results.at(-1),
    connectionId: () => connectionId,
  };
  return opened;
}
