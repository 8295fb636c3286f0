/**
 * Signed calls to one endpoint of AWS: signs a request with the time that the server has, sends one
 * attempt, and returns the whole reply.
 */

import { authorization, timeOf } from "../signature.ts";
import { type HttpReply, openTransport, type Transport } from "./http.ts";

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface EndpointOptions {
  url: URL;
  region: string;
  /** As in a credential scope: `dynamodb`, `execute-api`, `sqs`. */
  service: string;
  /** By default those of the environment. */
  credentials?: Credentials | undefined;
  maxSockets: number;
  /** Ms without a reply. */
  timeout: number;
  /** How requests are sent; by default with node:http. */
  transport?: OpenTransport | undefined;
}

/** Opens up to `maxSockets` connections to an endpoint. */
export type OpenTransport = (endpoint: URL, maxSockets: number) => Transport;

export interface Call {
  method: string;
  /** Encoded, as it is sent. */
  path: string;
  /** With lower-case names. They are signed. */
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Instead of the endpoint's. */
  timeout?: number | undefined;
  abortSignal?: AbortSignal | undefined;
}

export interface Endpoint {
  /** Makes one attempt. Rejects like the transport of http.ts. */
  send: (call: Call) => Promise<Answer>;
  /** Closes the connections that are kept alive. */
  close: () => void;
}

export interface Answer extends HttpReply {
  /** The signature's time was wrong, and now is right: the same call may succeed. */
  clockSkewCorrected: boolean;
}

/** Opens an endpoint. Nothing is connected or read before the first call. */
export function openEndpoint(options: EndpointOptions): Endpoint {
  const { url, region, service, maxSockets, timeout, transport: open = openTransport } = options;
  const clock = createClock();
  let transport: Transport | undefined;
  let credentials = options.credentials;

  const headersOf = ({ method, path, headers, body = "" }: Call) => {
    credentials ??= fromEnvironment();
    const signed = {
      ...headers,
      host: url.host,
      "x-amz-date": timeOf(clock.now()),
      ...(credentials?.sessionToken && { "x-amz-security-token": credentials.sessionToken }),
    };
    const request = { method, path, headers: signed, body };
    return {
      ...signed,
      ...(method === "POST" && { "content-length": Buffer.byteLength(body) }),
      ...(credentials && {
        authorization: authorization(request, { ...credentials, region, service }),
      }),
    };
  };

  return {
    async send(call) {
      transport ??= open(url, maxSockets);
      const sent = clock.start();
      const reply = await transport.send({
        method: call.method,
        path: call.path,
        headers: headersOf(call),
        body: call.body ?? "",
        timeout: call.timeout ?? timeout,
        abortSignal: call.abortSignal,
      });
      return { ...reply, clockSkewCorrected: sent.adjust(reply) };
    },
    close: () => transport?.close(),
  };
}

/**
 * In Lambda the environment is the only source of credentials. They do not change while the process
 * lives. Without any, requests are not signed, and AWS refuses them.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
function fromEnvironment(): Credentials | undefined {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** Ms by which the clocks may differ before a signature is in doubt; AWS allows 5 minutes. */
const MAX_SKEW = 240_000;
/** A reply that took longer than this many ms says nothing about the clock. */
const MAX_TRIP = 900_000;

/** Follows the server's clock by the date of each reply, as the SDK does. */
function createClock() {
  let offset = 0; // ms
  let last = { date: "", served: Number.NaN }; // replies of one second have one date
  return {
    now: () => Date.now() + offset,
    /** Begins a request. `adjust` returns true if the signature's time was wrong and now is right. */
    start() {
      const [before, sentAt] = [offset, Date.now()];
      return {
        adjust({ headers: { date = "", age } }: HttpReply): boolean {
          const text = String(date);
          if (text !== last.date) last = { date: text, served: Date.parse(text) };
          const [served, now] = [last.served, Date.now()];
          if (Number.isNaN(served)) return false;
          if (age === undefined && now - sentAt <= MAX_TRIP) offset = served - now;
          return Math.abs(offset) >= MAX_SKEW && offset !== before;
        },
      };
    },
  };
}
