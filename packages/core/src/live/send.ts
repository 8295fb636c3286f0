import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import * as http from "node:http";
import * as https from "node:https";
import { AppError } from "../error.ts";
import { authorization, timeOf } from "./sign.ts";

/** Frames to connections, through the management API of whoever owns their sockets. */

interface Target {
  id: string;
  endpoint: string;
}

const TIMEOUT = 2_000; // ms
const keepAlive = { keepAlive: true, maxSockets: 64 }; // to one endpoint
const httpAgent = new http.Agent(keepAlive);
const httpsAgent = new https.Agent(keepAlive);

interface Endpoint {
  client: ApiGatewayManagementApiClient;
  url: URL;
}

const endpoints = new Map<string, Endpoint>();

function open(endpoint: string): Endpoint {
  const known = endpoints.get(endpoint);
  if (known) return known;
  const client = new ApiGatewayManagementApiClient({
    endpoint,
    retryMode: "standard",
    maxAttempts: 2,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 1_000, // ms
      requestTimeout: TIMEOUT,
      throwOnRequestTimeout: true,
      httpAgent,
      httpsAgent,
    }),
  });
  const opened = { client, url: new URL(endpoint) };
  endpoints.set(endpoint, opened);
  return opened;
}

/** `gone` for a connection that is no more; `failed` for what could not be delivered in time. */
export type SendOutcome = "sent" | "gone" | "failed";

/**
 * Sends one text frame. Throws nothing that a connection could cause. The first try is ours, since
 * the SDK's own work on a call is three times what is needed; all but a plain answer is left to it.
 */
export async function send({ id, endpoint }: Target, frame: string): Promise<SendOutcome> {
  const to = open(endpoint);
  const status = await tryOnce(to, id, frame).catch(() => undefined);
  if (status === 200) return "sent";
  if (status === 410) return "gone";
  return outcome(to.client.send(new PostToConnectionCommand({ ConnectionId: id, Data: frame })));
}

async function tryOnce(to: Endpoint, id: string, frame: string): Promise<number | undefined> {
  const { credentials, region } = to.client.config;
  const [{ sessionToken, ...keys }, place] = await Promise.all([credentials(), region()]);
  const { protocol, host, hostname, port, pathname } = to.url;
  const method = "POST";
  const path = `${pathname.replace(/\/$/, "")}/@connections/${encodeURIComponent(id)}`;
  const signed = {
    host,
    "x-amz-date": timeOf(Date.now()),
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const headers = {
    ...signed,
    authorization: authorization(
      { method, path, headers: signed, body: frame },
      { ...keys, region: place },
    ),
    "content-type": "application/octet-stream",
    "content-length": Buffer.byteLength(frame),
  };
  const secure = protocol === "https:";
  const options = { method, path, headers, hostname, port, timeout: TIMEOUT };
  return new Promise((resolve, reject) => {
    const request = secure
      ? https.request({ ...options, agent: httpsAgent })
      : http.request({ ...options, agent: httpAgent });
    request
      .on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on("timeout", () => request.destroy(new Error("no answer in time")))
      .on("error", reject)
      .end(frame);
  });
}

/** Ends a connection; its client sees a normal closure. */
export const disconnect = ({ id, endpoint }: Target): Promise<SendOutcome> =>
  outcome(open(endpoint).client.send(new DeleteConnectionCommand({ ConnectionId: id })));

/** Whether a connection is certainly no more: also where nobody listens who could have it. */
export async function isGone({ id, endpoint }: Target): Promise<boolean> {
  try {
    await open(endpoint).client.send(new GetConnectionCommand({ ConnectionId: id }));
    return false;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.name === "GoneException" || ("code" in error && error.code === "ECONNREFUSED");
  }
}

async function outcome(call: Promise<unknown>): Promise<SendOutcome> {
  try {
    await call;
    return "sent";
  } catch (error) {
    if (error instanceof AppError) throw error;
    return error instanceof Error && error.name === "GoneException" ? "gone" : "failed";
  }
}
