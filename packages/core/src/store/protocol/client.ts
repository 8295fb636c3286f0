/**
 * A client for the DynamoDB operations that we use: signs, sends one attempt, reads the reply. It
 * does what the SDK's client does with our settings, at a third of its CPU and a hundredth of its
 * code; client.test.ts compares the two (docs/decisions/009-small-dynamodb-client.md).
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */

import { authorization, timeOf } from "../../signature.ts";
import type { CallOptions, Client, ClientOptions } from "../client.ts";
import { type HttpReply, openTransport, type Transport } from "./http.ts";
import { decode, encode, type Operation } from "./message.ts";
import { type ErrorMembers, read } from "./reply.ts";

type Credentials = NonNullable<ClientOptions["credentials"]>;

const TIMEOUT = 1_100; // ms

/** Creates a client. Throws for a region whose endpoint it does not know. */
export function createSmallClient(
  {
    region,
    endpoint = endpointOf(region),
    credentials,
    timeout = TIMEOUT,
    transport: open = openTransport,
  }: ClientOptions,
  maxSockets: number,
): Client {
  const url = new URL(endpoint);
  let transport: Transport | undefined;
  let identity = credentials;
  const clock = createClock();

  /** Returns the headers of a request, signed with the time that the server has. */
  const headersOf = (operation: Operation, body: string) => {
    identity ??= fromEnvironment();
    const { sessionToken } = identity;
    const signed = {
      "content-type": "application/x-amz-json-1.0",
      host: url.host,
      "x-amz-date": timeOf(clock.now()),
      ...(sessionToken && { "x-amz-security-token": sessionToken }),
      "x-amz-target": `DynamoDB_20120810.${operation}`,
    };
    const request = { method: "POST", path: url.pathname, headers: signed, body };
    return {
      ...signed,
      "content-length": Buffer.byteLength(body),
      authorization: authorization(request, { ...identity, region, service: "dynamodb" }),
    };
  };

  return {
    async send(operation, input, options: CallOptions = {}) {
      const body = encode(operation, input);
      transport ??= open(url, maxSockets);
      const sent = clock.start();
      const reply = await transport.post({
        headers: headersOf(operation, body),
        body,
        timeout: options.requestTimeout ?? timeout,
        abortSignal: options.abortSignal,
      });
      const corrected = sent.adjust(reply);
      try {
        return decode(operation, read(reply));
      } catch (error) {
        const { $metadata } = error as Partial<ErrorMembers>;
        if (corrected && $metadata) $metadata.clockSkewCorrected = true;
        throw error;
      }
    },
    close: () => transport?.close(),
  };
}

/**
 * The endpoint of a region.
 * https://docs.aws.amazon.com/general/latest/gr/ddb.html
 */
export function endpointOf(region: string): string {
  if (!/^[a-z]{2}(?:-gov)?-[a-z]+-\d+$/.test(region)) {
    throw new Error(`The endpoint of region ${region} is unknown: build with DYNAMODB_CLIENT=sdk`);
  }
  return `https://dynamodb.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/**
 * In Lambda the environment is the only source of credentials. They do not change while the process
 * lives.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
function fromEnvironment(): Credentials {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  if (!accessKeyId || !secretAccessKey) {
    throw new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** Ms by which the clocks may differ before a signature is in doubt; DynamoDB allows 5 minutes. */
const MAX_SKEW = 240_000;
/** A reply that took longer than this many ms says nothing about the clock. */
const MAX_TRIP = 900_000;

/** Follows the server's clock by the date of each reply, as the SDK does. */
function createClock() {
  let offset = 0; // ms
  return {
    now: () => Date.now() + offset,
    /** Begins a request. `adjust` returns true if the signature's time was wrong and now is right. */
    start() {
      const [before, sentAt] = [offset, Date.now()];
      return {
        adjust({ headers: { date = "", age } }: HttpReply): boolean {
          const [served, now] = [Date.parse(String(date)), Date.now()];
          if (Number.isNaN(served)) return false;
          if (age === undefined && now - sentAt <= MAX_TRIP) offset = served - now;
          return Math.abs(offset) >= MAX_SKEW && offset !== before;
        },
      };
    },
  };
}
