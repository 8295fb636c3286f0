/** What the steps of a REST API hand on: a request on its way, and its outcome. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderList } from "../header.ts";
import type { RestLogRecord } from "../log.ts";
import type { GatewayRequest } from "../request.ts";
import type { RestVerdict } from "./authorizer.ts";
import type { RestRoute } from "./config.ts";
import type { RestSource } from "./event.ts";
import type { GatewayResponseType } from "./gateway-response.ts";
import type { RestResponse } from "./response.ts";

/** An answer with the members of its access log record. `streamed`: it is written already. */
export type Outcome = { response: RestResponse; streamed?: true } & Partial<
  Pick<
    RestLogRecord,
    | "resourcePath"
    | "responseLength"
    | "integrationLatency"
    | "integrationError"
    | "authorizerError"
    | "apiKeyId"
  >
>;

/** A request on its way through the steps. */
export interface Passage {
  request: GatewayRequest;
  req: IncomingMessage;
  res: ServerResponse;
  source: RestSource;
  route: RestRoute;
  verdict: Extract<RestVerdict, { allowed: true }> | undefined;
}

/** Answers with a gateway response. */
export type Refuse = (
  passage: Pick<Passage, "request" | "source">,
  type: GatewayResponseType,
  message?: string,
) => Outcome;

/** The headers that name a request in each of its answers. */
export const idHeaders = (requestId: string, extendedRequestId: string): HeaderList => [
  ["x-amzn-RequestId", requestId],
  ["x-amz-apigw-id", extendedRequestId],
];
