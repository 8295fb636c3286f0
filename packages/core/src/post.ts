import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { AppError } from "./error.ts";
import type { Subscriber } from "./connection.ts";

/** Frames to connections, through the management API of whoever owns their sockets. */

type Target = Pick<Subscriber, "id" | "endpoint">;

const MAX_SOCKETS = 64; // to one endpoint

const clients = new Map<string, ApiGatewayManagementApiClient>();

function clientOf(endpoint: string): ApiGatewayManagementApiClient {
  const known = clients.get(endpoint);
  if (known) return known;
  const client = new ApiGatewayManagementApiClient({
    endpoint,
    retryMode: "standard",
    maxAttempts: 3,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000, // ms
      requestTimeout: 2_000, // ms
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    }),
  });
  clients.set(endpoint, client);
  return client;
}

/** `gone` for a connection that is no more; `failed` for what could not be delivered in time. */
export type Posted = "sent" | "gone" | "failed";

/** Sends one text frame. Throws nothing that a connection could cause. */
export const post = ({ id, endpoint }: Target, frame: string): Promise<Posted> =>
  outcome(clientOf(endpoint).send(new PostToConnectionCommand({ ConnectionId: id, Data: frame })));

/** Ends a connection; its client sees a normal closure. */
export const disconnect = ({ id, endpoint }: Target): Promise<Posted> =>
  outcome(clientOf(endpoint).send(new DeleteConnectionCommand({ ConnectionId: id })));

async function outcome(call: Promise<unknown>): Promise<Posted> {
  try {
    await call;
    return "sent";
  } catch (error) {
    if (error instanceof AppError) throw error;
    return error instanceof Error && error.name === "GoneException" ? "gone" : "failed";
  }
}
