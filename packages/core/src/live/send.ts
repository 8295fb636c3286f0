/**
 * Sends frames to connections through the management API of the gateway that has their sockets. A
 * connection that is gone or does not take a frame is a result, not an error, so that it cannot
 * stop a delivery to others.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */

import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type * as Http from "node:http";
import type * as Https from "node:https";
import { AppError } from "../error.ts";
import { authorization, timeOf } from "../signature.ts";

interface Target {
  id: string; // of the connection
  endpoint: string;
}

const TIMEOUT = 2_000; // ms
const keepAlive = { keepAlive: true, maxSockets: 64 }; // of one endpoint

interface Endpoint {
  client: ApiGatewayManagementApiClient;
  url: URL;
  /** Opens a request on the connections that are kept alive. */
  open: (options: Http.RequestOptions) => Http.ClientRequest;
}

const endpoints = new Map<string, Endpoint>();

/**
 * `POST @connections` of a gateway in this process: sends the frame and returns the status that an
 * HTTP answer would have.
 */
export type DirectPost = (connectionId: string, frame: Buffer) => number;

const directPosts = new Map<string, DirectPost>(); // by endpoint

/**
 * Sends frames to the connections of `endpoint` through `direct` instead of HTTP, until the returned
 * function is called. A gateway in the same process saves a signature and a request for each frame.
 * What it does not accept is sent over HTTP as usual.
 */
export function sendDirectly(endpoint: string, direct: DirectPost): () => void {
  directPosts.set(endpoint, direct);
  return () => void directPosts.delete(endpoint);
}

function open(endpoint: string): Endpoint {
  const known = endpoints.get(endpoint);
  if (known) return known;
  const url = new URL(endpoint);
  const { agent, request } = protocolOf(url);
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
      httpAgent: agent,
      httpsAgent: agent as Https.Agent,
    }),
  });
  const opened: Endpoint = { client, url, open: (options) => request({ ...options, agent }) };
  endpoints.set(endpoint, opened);
  return opened;
}

/** Not imported, because an import of node:http loads all of fetch as well. */
function protocolOf({ protocol }: URL): { agent: Http.Agent; request: typeof Http.request } {
  const { Agent: KeepAlive, request }: typeof Http | typeof Https = process.getBuiltinModule(
    protocol === "https:" ? "node:https" : "node:http",
  );
  return { agent: new KeepAlive(keepAlive), request };
}

/**
 * `gone` if the connection does not exist any more; `failed` if it did not take the frame in time.
 */
export type SendOutcome = "sent" | "gone" | "failed";

/**
 * Sends one text frame. The first attempt is a plain signed request, since the SDK spends three
 * times the CPU on a call. Any answer but 200 and 410 is left to the SDK, which knows what to
 * retry.
 */
export async function send({ id, endpoint }: Target, frame: string): Promise<SendOutcome> {
  const to = open(endpoint);
  const direct = directPosts.get(endpoint);
  const status = direct
    ? direct(id, bytesOf(frame))
    : await post(to, id, frame).catch(() => undefined);
  if (status === 200) return "sent";
  if (status === 410) return "gone";
  return outcomeOf(to.client.send(new PostToConnectionCommand({ ConnectionId: id, Data: frame })));
}

let latest = { frame: "", bytes: Buffer.alloc(0) };

/** The bytes of the latest frame are kept, since a broadcast sends the same one to each connection. */
function bytesOf(frame: string): Buffer {
  if (latest.frame !== frame) latest = { frame, bytes: Buffer.from(frame) };
  return latest.bytes;
}

/** Returns the status of the answer. Rejects if there is none in time. */
async function post(to: Endpoint, id: string, frame: string): Promise<number | undefined> {
  const { credentials, region: configuredRegion } = to.client.config;
  const [{ sessionToken, ...keys }, region] = await Promise.all([
    credentials(),
    configuredRegion(),
  ]);
  const { host, hostname, port, pathname } = to.url;
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
      { ...keys, region, service: "execute-api" },
    ),
    "content-type": "application/octet-stream",
    "content-length": Buffer.byteLength(frame),
  };
  const options = { method, path, headers, hostname, port, timeout: TIMEOUT };
  return new Promise((resolve, reject) => {
    const request = to.open(options);
    request
      .on("response", (response) => {
        response.resume(); // else the socket is not free for the next frame
        resolve(response.statusCode);
      })
      .on("timeout", () => request.destroy(new Error("no answer in time")))
      .on("error", reject)
      .end(frame);
  });
}

/** Closes a connection; its client sees a normal closure. */
export const disconnect = ({ id, endpoint }: Target): Promise<SendOutcome> =>
  outcomeOf(open(endpoint).client.send(new DeleteConnectionCommand({ ConnectionId: id })));

/**
 * True if a connection certainly does not exist any more: the gateway says so, or no process
 * listens at its endpoint. False in case of doubt.
 */
export async function isGone({ id, endpoint }: Target): Promise<boolean> {
  try {
    await open(endpoint).client.send(new GetConnectionCommand({ ConnectionId: id }));
    return false;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.name === "GoneException" || ("code" in error && error.code === "ECONNREFUSED");
  }
}

async function outcomeOf(call: Promise<unknown>): Promise<SendOutcome> {
  try {
    await call;
    return "sent";
  } catch (error) {
    if (error instanceof AppError) throw error;
    return error instanceof Error && error.name === "GoneException" ? "gone" : "failed";
  }
}
