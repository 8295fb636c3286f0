/**
 * The last step of a request: its integration. A Lambda proxy gets the whole request and its result is the
 * answer, at its end or as it is written; mapping templates change both.
 */

import { passThroughJson } from "../json.ts";
import { type LambdaHandler, MAX_PAYLOAD, ThrottledError, invokeWith } from "../lambda.ts";
import { millisecondsSince } from "../log.ts";
import type { RestApiConfig } from "./config.ts";
import { proxyEvent, responseTrace } from "./event.ts";
import type { GatewayResponseType } from "./gateway-response.ts";
import type { Integration } from "./integration.ts";
import { type Outcome, type Passage, type Refuse, idHeaders } from "./passage.ts";
import { isBinary, readProxyResult } from "./response.ts";
import { type StreamEnd, type StreamingHandler, invokeStreaming, streamInto } from "./stream.ts";

/** Invokes the integration of a request, with the bytes of its body. */
export type Invoke = (passage: Passage, body: Buffer) => Promise<Outcome>;

const IDLE_TIMEOUT = 5 * 60_000; // milliseconds, of a stream at a regional endpoint

/** Failures of an integration that say nothing about the API. */
const FAULTS_OF_CLIENTS: ReadonlySet<GatewayResponseType> = new Set([
  "REQUEST_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
]);

/** Creates the step of an API. */
export function createInvoker(
  { binaryMediaTypes = [], failedStream, onError: report }: RestApiConfig,
  refuse: Refuse,
): Invoke {
  async function proxy(passage: Passage, body: Buffer): Promise<Outcome> {
    const { request, source, route } = passage;
    const isBase64 = isBinary(request.headers.get("content-type"), binaryMediaTypes);
    const passed = passThroughJson(proxyEvent(request, source, body, isBase64), MAX_PAYLOAD);
    // A body within the gateway's limit can exceed that of Lambda, for example as base64.
    if (!passed) return refuse(passage, "REQUEST_TOO_LARGE");
    const event = passed.value;
    if (route.config.responseTransferMode === "STREAM") return stream(passage, event);

    const startedAt = performance.now();
    const invocation = await invokeWith(
      route.config.handler as LambdaHandler,
      route.functionName,
      () => event,
      route.timeoutMs,
      route.concurrency,
    );
    const integrationLatency = millisecondsSince(startedAt);
    const fail = (type: GatewayResponseType, message: string, error: unknown): Outcome => {
      report({ message: `${route.routeKey}: ${message}`, error, requestId: source.requestId });
      return { ...refuse(passage, type), integrationLatency, integrationError: message };
    };
    if (invocation.outcome === "timed-out") {
      const error = new Error(`no result after ${route.timeoutMs} ms`);
      return fail("INTEGRATION_TIMEOUT", "the integration timed out", error);
    }
    if (invocation.outcome === "failed") {
      if (invocation.error instanceof ThrottledError) return throttled(passage);
      return fail("INTEGRATION_FAILURE", "the function failed", invocation.error);
    }
    const wantsBinary = isBinary(request.headers.get("accept"), binaryMediaTypes);
    const response = readProxyResult(invocation.value, wantsBinary);
    if (response === "malformed") {
      const error = new Error("malformed Lambda proxy response");
      return fail("INTEGRATION_FAILURE", "the function's result is not a response", error);
    }
    if (response === "bad-encoding") {
      const error = new Error("its body is not base64");
      return fail("API_CONFIGURATION_ERROR", "the function's result is not a response", error);
    }
    const trace = ["X-Amzn-Trace-Id", responseTrace(request)] as const;
    return { response: { ...response, headers: [...response.headers, trace] }, integrationLatency };
  }

  /**
   * Lambda has refused the invocation.
   * https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#services-apigateway-errors
   */
  const throttled = (passage: Passage): Outcome => ({
    ...refuse(passage, "API_CONFIGURATION_ERROR"),
    integrationError: "the function is throttled",
  });

  /** Runs a non-proxy integration. */
  async function transform(
    passage: Passage,
    integration: Integration,
    body: Buffer,
  ): Promise<Outcome> {
    const { request, source, route } = passage;
    const startedAt = performance.now();
    const result = await integration(request, source, body);
    const integrationLatency = millisecondsSince(startedAt);
    if ("response" in result) return { response: result.response, integrationLatency };
    const { failed, reason, error } = result;
    if (error instanceof ThrottledError) return throttled(passage);
    if (!FAULTS_OF_CLIENTS.has(failed)) {
      report({ message: `${route.routeKey}: ${reason}`, error, requestId: source.requestId });
    }
    return { ...refuse(passage, failed), integrationLatency, integrationError: reason };
  }

  async function stream(passage: Passage, event: unknown): Promise<Outcome> {
    const { request, source, route, res } = passage;
    const release = route.concurrency.acquire();
    if (!release) return throttled(passage);
    const startedAt = performance.now();
    const headers = [
      ["X-Amzn-Trace-Id", responseTrace(request)] as const,
      ...idHeaders(source.requestId, request.id),
    ];
    const target = streamInto(res, headers);
    const limits = {
      timeoutMs: route.timeoutMs,
      idleTimeoutMs: route.config.idleTimeoutMs ?? IDLE_TIMEOUT,
    };
    const end: StreamEnd = await invokeStreaming(
      route.config.handler as StreamingHandler,
      route.functionName,
      event,
      limits,
      target,
    );
    release(); // `invokeStreaming` never rejects
    const integrationLatency = millisecondsSince(startedAt);
    const written = (): Outcome => ({
      response: { status: target.status, headers: [], body: Buffer.alloc(0) },
      streamed: true,
      responseLength: target.length,
      integrationLatency,
    });
    if (end.outcome === "complete") {
      res.end();
      return written();
    }
    const message = `the stream was ${end.outcome}`;
    report({
      message: `${route.routeKey}: ${message}`,
      error: end.error,
      requestId: source.requestId,
    });
    if (end.outcome === "cut") {
      if (failedStream === "complete") res.end();
      else res.destroy();
      return { ...written(), integrationError: message };
    }
    const type = end.outcome === "timed-out" ? "INTEGRATION_TIMEOUT" : "INTEGRATION_FAILURE";
    return { ...refuse(passage, type), integrationLatency, integrationError: message };
  }

  return (passage, body) => {
    const { integration } = passage.route;
    return integration ? transform(passage, integration, body) : proxy(passage, body);
  };
}
