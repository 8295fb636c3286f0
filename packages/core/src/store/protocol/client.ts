/**
 * A client for the DynamoDB operations that we use: signs, sends one attempt, reads the reply. It
 * does what the SDK's client does with our settings, at a third of its CPU and a hundredth of its
 * code; client.test.ts compares the two (docs/decisions/009-small-dynamodb-client.md).
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */

import { openEndpoint } from "../../aws/client.ts";
import { read } from "../../aws/reply.ts";
import type { CallOptions, Client, ClientOptions } from "../client.ts";
import { FAULTS } from "./fault.ts";
import { decode, encode } from "./message.ts";

const TIMEOUT = 1_100; // ms

/** Creates a client. Throws for a region whose endpoint it does not know. */
export function createSmallClient(
  {
    region,
    endpoint = endpointOf(region),
    credentials,
    timeout = TIMEOUT,
    transport,
  }: ClientOptions,
  maxSockets: number,
): Client {
  const url = new URL(endpoint);
  const service = "dynamodb";
  const { send, close } = openEndpoint({
    url,
    region,
    service,
    credentials,
    maxSockets,
    timeout,
    transport,
  });
  return {
    async send(operation, input, { requestTimeout, abortSignal }: CallOptions = {}) {
      const reply = await send({
        method: "POST",
        path: url.pathname,
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "x-amz-target": `DynamoDB_20120810.${operation}`,
        },
        body: encode(operation, input),
        timeout: requestTimeout,
        abortSignal,
      });
      return decode(operation, read(reply, FAULTS));
    },
    close,
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
