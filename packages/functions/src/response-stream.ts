/**
 * Answers a REST API's event with a stream, for an integration with `responseTransferMode: STREAM`.
 * Hono's own adapter cannot be used: it sends no metadata for an empty body, and destroys the connection
 * to the runtime when a body fails, so that the gateway answers 502 or the process ends.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
 */

import type { Writable } from "node:stream";
import type { Env } from "./api/env.ts";
import { normalise, NOT_AN_EVENT } from "./api/event.ts";
import { type Problem, problemOf } from "./api/problem.ts";
import type { Log } from "./telemetry/log.ts";
import { redacted } from "./telemetry/redact.ts";

type StreamingHandler = (event: unknown, stream: Writable) => Promise<void>;

interface AwsLambda {
  streamifyResponse(handler: StreamingHandler): StreamingHandler;
  HttpResponseStream: {
    /** The metadata are sent with the first `write`; `end` with a chunk would leave them out. */
    from(stream: Writable, metadata: Metadata): Writable;
  };
}

/** A global of AWS's runtime: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client */
declare const awslambda: AwsLambda;

/** All that the gateway accepts. A header's value must be a string: a list is answered 502. */
interface Metadata {
  statusCode: number;
  headers: Record<string, string>;
}

interface App {
  fetch(request: Request, env: Env["Bindings"]): Response | Promise<Response>;
}

/**
 * Returns a streaming handler of an app's GET routes, for events of payload 1.0. It never throws, and
 * writes only as fast as the gateway takes it.
 */
export const streamed = (app: App, log: Log): StreamingHandler =>
  awslambda.streamifyResponse(async (event, stream) => {
    log.debug("event", () => ({ event: redacted(event) }));
    // An error of a stream that has no listener ends the process.
    stream.on("error", (error) => log.error("response stream", error, {}));
    const answer = await answerTo(app, event).catch((error: unknown) => {
      log.error("response stream", error, {});
      return problemResponse(problemOf(error));
    });
    const metadata = {
      statusCode: answer.status,
      headers: Object.fromEntries(answer.headers),
    };
    const out = awslambda.HttpResponseStream.from(stream, metadata);
    out.write(""); // the metadata, also of an answer without a body
    try {
      // Text or bytes where web/install.ts has replaced the class of answers.
      const body: unknown = answer.body;
      if (body instanceof ReadableStream) await copy(body, out);
      else if (body) out.write(body);
    } catch (error) {
      log.error("response stream", error, {});
    }
    out.end();
  });

async function answerTo(app: App, event: unknown): Promise<Response> {
  const normalised = normalise(event);
  const request = normalised && requestOf(normalised);
  if (normalised === undefined || request === undefined) {
    return problemResponse(NOT_AN_EVENT);
  }
  const { requestContext } = normalised as Env["Bindings"];
  return app.fetch(request, requestContext ? { requestContext } : {});
}

const problemResponse = (problem: Problem) =>
  new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "content-type": "application/problem+json" },
  });

/** The request of a normalised event, without its body; undefined if its payload is not 1.0. */
function requestOf(event: Record<string, unknown>): Request | undefined {
  const { version, path, httpMethod, headers, multiValueHeaders } = event;
  if (version !== undefined || typeof path !== "string" || typeof httpMethod !== "string") {
    return undefined;
  }
  const { queryStringParameters, multiValueQueryStringParameters } = event;
  const query = new URLSearchParams(
    pairs(multiValueQueryStringParameters ?? queryStringParameters),
  );
  return new Request(`https://localhost${path}?${query.toString()}`, {
    method: httpMethod,
    headers: pairs(multiValueHeaders ?? headers).map(([name, value]) => [name, latin1(value)]),
  });
}

const pairs = (values: unknown): [name: string, value: string][] =>
  Object.entries((values ?? {}) as Record<string, string | string[]>).flatMap(([name, many]) =>
    [many].flat().map((value): [string, string] => [name, value]),
  );

/** Header values are bytes; what is outside of them is encoded, as Hono's adapter does. */
const latin1 = (value: string) =>
  /[\u0100-\uffff]/.test(value) ? encodeURIComponent(value) : value;

/** Writes a body, and waits whenever the stream is full. Ends early if the stream is closed. */
async function copy(body: ReadableStream<Uint8Array>, out: Writable): Promise<void> {
  const reader = body.getReader();
  // A pending read then ends; the body learns that it is not needed any more.
  out.once("close", () => void reader.cancel().catch(() => undefined));
  for (;;) {
    const { done, value } = await reader.read();
    if (done || out.destroyed) return;
    if (!out.write(value)) await drained(out);
  }
}

const drained = (out: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      out.off("drain", done).off("close", done);
      resolve();
    };
    out.on("drain", done).on("close", done);
    if (out.destroyed) done();
  });
