/**
 * Spans by OpenTelemetry. Only its API is used: the SDK that the process has loaded decides what is
 * recorded and where it is sent, and without one nothing is. Names of attributes are those of the
 * semantic conventions 1.45, where they are stable; those of messaging and of DynamoDB's tables are not.
 * https://opentelemetry.io/docs/specs/semconv/
 */

import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import type { Exchange, Telemetry } from "./telemetry.ts";

/** Where the store is, for spans of its calls. */
interface Options {
  version: string;
  endpoint: URL;
}

const headers: TextMapGetter<Headers> = {
  keys: (carrier) => [...carrier.keys()],
  get: (carrier, key) => carrier.get(key) ?? undefined,
};

/**
 * Creates the telemetry that makes spans: for each request, as a child of its `traceparent`; for each
 * attempt of a call to the store within it; and for each page of changes that a stream sends. A query
 * string is not recorded, since it can have an email address.
 */
export function createTracing({ version, endpoint }: Options): Telemetry {
  const tracer = trace.getTracer("stockwire", version);
  const server = {
    "server.address": endpoint.hostname,
    "server.port": Number(endpoint.port) || (endpoint.protocol === "https:" ? 443 : 80),
  };
  return {
    request(exchange, run) {
      const parent = propagation.extract(context.active(), exchange.request.headers, headers);
      const options = { kind: SpanKind.SERVER, attributes: requestAttributes(exchange) };
      return tracer.startActiveSpan(exchange.method, options, parent, async (span) => {
        try {
          const response = await run();
          endRequest(span, exchange, response.status);
          return response;
        } catch (error) {
          endRequest(span, exchange, 500);
          throw error;
        }
      });
    },
    storeCall({ operation, tables }, run) {
      // A poll of an open stream belongs to no request that is still running: there would be many.
      if (!trace.getActiveSpan()?.isRecording()) return run();
      const attributes: Attributes = {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": operation,
        "aws.dynamodb.table_names": [...tables],
        ...server,
      };
      const name = [operation, ...tables].join(" ");
      const options = { kind: SpanKind.CLIENT, attributes };
      return tracer.startActiveSpan(name, options, async (span) => {
        try {
          return await run();
        } catch (error) {
          recordFailure(span, error);
          throw error;
        } finally {
          span.end();
        }
      });
    },
    changeStream(feed) {
      const parent = context.active();
      return {
        send(changes) {
          const attributes: Attributes = {
            "messaging.system": "stockwire",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": feed,
            "messaging.batch.message_count": changes,
          };
          const options = { kind: SpanKind.PRODUCER, attributes };
          const span = tracer.startSpan(`send ${feed}`, options, parent);
          return () => span.end();
        },
        begin: () => undefined,
        end: () => undefined,
      };
    },
  };
}

function requestAttributes({ request, method, client }: Exchange): Attributes {
  const { protocol, hostname, port, pathname } = new URL(request.url);
  return {
    "http.request.method": method,
    "url.path": pathname,
    "url.scheme": protocol.slice(0, -1),
    "server.address": hostname,
    ...(port !== "" && { "server.port": Number(port) }),
    ...(client.sourceIp !== undefined && { "client.address": client.sourceIp }),
    ...(client.userAgent !== undefined && { "user_agent.original": client.userAgent }),
  };
}

/** The span ends with the head of the answer: a stream of changes goes on for minutes. */
function endRequest(span: Span, { method, route }: Exchange, status: number): void {
  span.setAttribute("http.response.status_code", status);
  if (route !== undefined) {
    span.updateName(`${method} ${route}`);
    span.setAttribute("http.route", route);
  }
  if (status >= 500) {
    span.setAttribute("error.type", String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Refusals by a condition, which the app answers with 409 or 412. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "ConditionalCheckFailedException",
  "TransactionCanceledException",
]);

function recordFailure(span: Span, error: unknown): void {
  const name = error instanceof Error ? error.name : "_OTHER";
  span.setAttribute("db.response.status_code", name);
  if (CONDITIONS.has(name)) return;
  span.setAttribute("error.type", name);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
