/** Spans of a host, recorded by the OpenTelemetry SDK. */

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import * as Names from "@opentelemetry/semantic-conventions";
import * as Incubating from "@opentelemetry/semantic-conventions/incubating";
import { append } from "@stockwire/core/changes/append";
import { newId } from "@stockwire/core/id";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { newChange, soon } from "../../core/test/support/log.ts";
import { createService, type Service } from "../src/hosts/service.ts";
import { readSettings } from "../src/hosts/settings.ts";
import { createTracing } from "../src/hosts/tracing.ts";
import { startIssuer } from "./telemetry.ts";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

let issuer: Awaited<ReturnType<typeof startIssuer>>;
let service: Service;
beforeAll(async () => {
  provider.register(); // with the W3C propagator
  issuer = await startIssuer();
  service = open();
  // The first requests fetch the issuer's keys and verify the table.
  await vi.waitUntil(async () => (await service.fetch(request("/items/a"))).status === 404, {
    timeout: 50_000,
  });
});
beforeEach(() => exporter.reset());
afterAll(async () => {
  service.close();
  await provider.shutdown();
  await issuer.close();
});

function open(more: Record<string, string> = {}): Service {
  const settings = readSettings({ ...issuer.settings, ...more });
  const endpoint = new URL(settings.AWS_ENDPOINT_URL_DYNAMODB ?? "");
  const telemetry = createTracing({ version: "1.2.3", endpoint });
  return createService(settings, { runtime: "node", telemetry, write: () => undefined });
}

type Init = Omit<RequestInit, "headers"> & { headers?: Record<string, string> };

const request = (path: string, init: Init = {}) =>
  new Request(`http://api.example:8080${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${issuer.token()}`,
      ...(init.body !== undefined && { "content-type": "application/json" }),
      ...init.headers,
    },
  });

const product = (sku: string) =>
  JSON.stringify({ name: "Pen", price: 1, category: "Pens", sku, initialQuantity: 1 });

const spansOf = (kind: SpanKind): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.kind === kind);

test("a request has a span that continues its traceparent, and its store calls are children", async () => {
  const [trace, parent] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const response = await service.fetch(
    request("/products", {
      method: "POST",
      body: product(newId()),
      headers: { traceparent: `00-${trace}-${parent}-01`, "user-agent": "tests" },
    }),
    "203.0.113.7",
  );
  expect(response.status).toBe(201);
  const [server, ...others] = spansOf(SpanKind.SERVER);
  expect(others).toEqual([]);
  expect(server?.name).toBe("POST /products");
  expect(server?.spanContext().traceId).toBe(trace);
  expect(server?.parentSpanContext?.spanId).toBe(parent);
  expect(server?.instrumentationScope).toMatchObject({ name: "stockwire", version: "1.2.3" });
  expect(server?.attributes).toEqual({
    [Names.ATTR_HTTP_REQUEST_METHOD]: "POST",
    [Names.ATTR_HTTP_ROUTE]: "/products",
    [Names.ATTR_HTTP_RESPONSE_STATUS_CODE]: 201,
    [Names.ATTR_URL_PATH]: "/products",
    [Names.ATTR_URL_SCHEME]: "http",
    [Names.ATTR_SERVER_ADDRESS]: "api.example",
    [Names.ATTR_SERVER_PORT]: 8080,
    [Names.ATTR_CLIENT_ADDRESS]: "203.0.113.7",
    [Names.ATTR_USER_AGENT_ORIGINAL]: "tests",
  });
  const calls = spansOf(SpanKind.CLIENT);
  const write = calls.find(({ name }) => name.startsWith("TransactWriteItems "));
  const { hostname, port } = new URL(issuer.settings.AWS_ENDPOINT_URL_DYNAMODB);
  expect(write?.attributes).toEqual({
    [Names.ATTR_DB_SYSTEM_NAME]: Incubating.DB_SYSTEM_NAME_VALUE_AWS_DYNAMODB,
    [Names.ATTR_DB_OPERATION_NAME]: "TransactWriteItems",
    [Incubating.ATTR_AWS_DYNAMODB_TABLE_NAMES]: [issuer.settings.DATA_TABLE],
    [Names.ATTR_SERVER_ADDRESS]: hostname,
    [Names.ATTR_SERVER_PORT]: Number(port),
  });
  for (const call of calls) {
    expect(call.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
    expect(call.spanContext().traceId).toBe(trace);
  }
});

test("requests at the same time keep their own store calls", async () => {
  const paths = Array.from({ length: 8 }, () => `/items/${newId()}`);
  await Promise.all(paths.map((path) => service.fetch(request(path))));
  const servers = spansOf(SpanKind.SERVER);
  expect(new Set(servers.map((span) => span.spanContext().traceId)).size).toBe(8);
  for (const server of servers) {
    const { traceId, spanId } = server.spanContext();
    const calls = spansOf(SpanKind.CLIENT).filter((call) => call.spanContext().traceId === traceId);
    expect(calls.map((call) => call.parentSpanContext?.spanId)).toEqual(calls.map(() => spanId));
    expect(calls.map(({ name }) => name)).toContain(`GetItem ${issuer.settings.DATA_TABLE}`);
  }
});

test("a refusal by a condition is no error, and no value of the query is recorded", async () => {
  const sku = newId();
  await service.fetch(request("/products", { method: "POST", body: product(sku) }));
  exporter.reset();
  const second = await service.fetch(request("/products", { method: "POST", body: product(sku) }));
  expect(second.status).toBe(409);
  const refused = spansOf(SpanKind.CLIENT).find(
    (span) => "db.response.status_code" in span.attributes,
  );
  expect(refused?.attributes["db.response.status_code"]).toBe("TransactionCanceledException");
  const codes = exporter.getFinishedSpans().map(({ status }) => status.code);
  expect(new Set(codes)).toEqual(new Set([SpanStatusCode.UNSET]));
  await service.fetch(request("/users?email=secret@example.com"));
  const recorded = exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes]);
  expect(JSON.stringify(recorded)).not.toContain("secret");
});

test("paths and methods that clients make up are no names", async () => {
  await service.fetch(request("/made/up"));
  await service.fetch(request("/products", { method: "MADEUP" }));
  const spans = spansOf(SpanKind.SERVER);
  expect(spans.map(({ name }) => name)).toEqual(["GET", "_OTHER"]);
  expect(spans[0]?.attributes).not.toHaveProperty(Names.ATTR_HTTP_ROUTE);
});

test("each page of a stream of changes has a span in the trace of its request", async () => {
  const left = new AbortController();
  const response = await service.fetch(
    request("/changes/stream?topic=items", { signal: left.signal }),
  );
  const changes = [newChange(), newChange()];
  let isFirst = true;
  for await (const page of response.body ?? []) {
    if (isFirst) await append(changes, soon());
    else if (changes.every(({ id }) => Buffer.from(page).includes(id))) break; // leaves the stream
    isFirst = false;
  }
  const [server] = spansOf(SpanKind.SERVER);
  const [delivery] = spansOf(SpanKind.PRODUCER);
  expect(server?.name).toBe("GET /changes/stream");
  expect(delivery?.name).toBe("send items");
  expect(delivery?.attributes).toMatchObject({
    [Incubating.ATTR_MESSAGING_DESTINATION_NAME]: "items",
    [Incubating.ATTR_MESSAGING_OPERATION_TYPE]: "send",
    [Incubating.ATTR_MESSAGING_BATCH_MESSAGE_COUNT]: expect.any(Number),
  });
  expect(delivery?.parentSpanContext?.spanId).toBe(server?.spanContext().spanId);
});

test("a store that does not answer is an error of the call and of the request", async () => {
  const broken = open({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });
  const response = await broken.fetch(request("/items/a"));
  expect(response.status).toBe(503);
  const [server] = spansOf(SpanKind.SERVER);
  expect(server?.status.code).toBe(SpanStatusCode.ERROR);
  expect(server?.attributes[Names.ATTR_ERROR_TYPE]).toBe("503");
  const [call] = spansOf(SpanKind.CLIENT);
  expect(call?.status.code).toBe(SpanStatusCode.ERROR);
  broken.close();
});
