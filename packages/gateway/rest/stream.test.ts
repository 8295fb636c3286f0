import { once } from "node:events";
import { request } from "node:http";
import { expect, test, vi } from "vitest";
import { request as send } from "../cases/raw-http.ts";
import { serveRest } from "../test/fixture.ts";
import { type StreamingHandler, awsLambda } from "./stream.ts";

const { HttpResponseStream } = awsLambda;
const PATIENT = { timeout: 10_000 }; // ms, for a machine that is busy
const META = { statusCode: 200, headers: { "content-type": "text/plain" } };

async function open(handler: StreamingHandler, more: object = {}) {
  const served = await serveRest({
    routes: [
      {
        routeKey: "GET /s",
        handler: awsLambda.streamifyResponse(handler),
        responseTransferMode: "STREAM",
      },
    ],
    ...more,
  });
  const get = async () => {
    const response = await send(
      served.port,
      { method: "GET", target: "/dev/s" },
      { partial: true },
    );
    return { ...response, text: response.body.toString() };
  };
  return { ...served, get };
}

test("the metadata are written with the first write", async () => {
  const first = Promise.withResolvers<void>();
  const { port } = await open(async (_, stream) => {
    const body = HttpResponseStream.from(stream, META);
    body.write("one");
    await first.promise;
    body.end("two");
  });
  const req = request({ port, path: "/dev/s" }).end();
  const [response] = (await once(req, "response")) as [NodeJS.ReadableStream & { headers: object }];
  expect(response.headers).toMatchObject({ "transfer-encoding": "chunked" });
  const [chunk] = (await once(response, "data")) as [Buffer];
  expect(chunk.toString()).toBe("one");
  first.resolve();
  const rest: Buffer[] = [];
  response.on("data", (more: Buffer) => rest.push(more));
  await once(response, "end");
  expect(Buffer.concat(rest).toString()).toBe("two");
});

test.each([
  ["ends without a write", (stream: NodeJS.WritableStream) => stream.end()],
  ["gives its only text to end()", (stream: NodeJS.WritableStream) => stream.end("all")],
])("a stream that %s has no metadata, which is 502", async (_, end) => {
  const { get } = await open((_event, stream) => end(HttpResponseStream.from(stream, META)));
  expect(await get()).toMatchObject({ status: 502, text: '{"message": "Internal server error"}' });
});

test("metadata and delimiter may arrive in parts", async () => {
  const { get } = await open((_, stream) => {
    const bytes = Buffer.from(
      `${JSON.stringify({ ...META, statusCode: 201 })}${"\0".repeat(8)}one`,
    );
    const inDelimiter = bytes.length - 6;
    stream.write(bytes.subarray(0, 5));
    stream.write(bytes.subarray(5, inDelimiter));
    stream.end(bytes.subarray(inDelimiter));
  });
  expect(await get()).toMatchObject({ status: 201, text: "one" });
});

test("metadata of more than 16,000 bytes are refused", async () => {
  const { get } = await open((_, stream) => {
    const headers = { a: "x".repeat(16_000) };
    HttpResponseStream.from(stream, { headers }).write("x");
    stream.end();
  });
  expect((await get()).status).toBe(502);
});

test.each([
  { ...META, body: "x" },
  { statusCode: 100 },
  { statusCode: 103 },
  { statusCode: 600 },
  { statusCode: 200.5 },
  { statusCode: "" },
])("the metadata %j are refused", async (metadata) => {
  const { get } = await open((_, stream) => {
    HttpResponseStream.from(stream, metadata).write("x");
    stream.end();
  });
  expect((await get()).status).toBe(502);
});

test("the log has the length of what was streamed", async () => {
  const { get, log } = await open((_, stream) => {
    const body = HttpResponseStream.from(stream, META);
    body.write("one");
    body.write("four");
    body.end();
  });
  expect((await get()).text).toBe("onefour");
  await vi.waitFor(() => expect(log).toMatchObject([{ status: 200, responseLength: 7 }]), PATIENT);
});

test.each([
  ["cut", "cut"],
  ["complete", "complete"],
])("a function that fails after its first byte: %s", async (failedStream, ended) => {
  const { get, problems, log } = await open(
    async (_, stream) => {
      HttpResponseStream.from(stream, META).write("one");
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("half-way");
    },
    { failedStream },
  );
  expect(await get()).toMatchObject({ status: 200, text: "one", ended });
  await vi.waitFor(
    () =>
      expect(log).toMatchObject([
        { status: 200, responseLength: 3, integrationError: "the stream was cut" },
      ]),
    PATIENT,
  );
  expect(problems).toHaveLength(1);
});

test("the function does not learn that its client has left, and runs to its end", async () => {
  const left = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<number>();
  const { port } = await open(async (_, stream) => {
    const body = HttpResponseStream.from(stream, META);
    body.write("one");
    await left.promise;
    let written = 0;
    for (let n = 0; n < 100; n++) {
      if (!body.write("x".repeat(65_536))) await once(body, "drain");
      written++;
    }
    body.end();
    finished.resolve(written);
  });
  const req = request({ port, path: "/dev/s" }).end();
  const [response] = (await once(req, "response")) as [NodeJS.ReadableStream];
  await once(response, "data");
  req.destroy();
  left.resolve();
  expect(await finished.promise).toBe(100);
});

test("a client that reads slowly slows the function down", async () => {
  let written = 0;
  const paused = Promise.withResolvers<void>();
  const { port } = await open(async (_, stream) => {
    const body = HttpResponseStream.from(stream, META);
    for (let n = 0; n < 400; n++) {
      written++;
      if (!body.write(Buffer.alloc(65_536))) {
        const drained = once(body, "drain");
        setTimeout(paused.resolve, 50).unref();
        await drained;
      }
    }
    body.end();
  });
  const req = request({ port, path: "/dev/s" }).end();
  const [response] = (await once(req, "response")) as [NodeJS.ReadableStream];
  response.pause();
  await paused.promise;
  expect(written).toBeLessThan(400);
  response.resume();
  await once(response, "end");
  expect(written).toBe(400);
});
