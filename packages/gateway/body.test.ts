import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readBody } from "./body.ts";

/** A request whose body arrives as it is written, without an announced length. */
const chunked = () =>
  Object.assign(new PassThrough(), { headers: { "transfer-encoding": "chunked" } });
const request = (stream: PassThrough) => stream as unknown as IncomingMessage;

test("a body is refused as soon as it exceeds the limit, before it has ended", async () => {
  const stream = chunked();
  const body = readBody(request(stream), 100);
  stream.write(Buffer.alloc(100));
  stream.write(Buffer.alloc(1));
  const pending = new Promise((resolve) =>
    stream.on("drain", () => setImmediate(resolve, "pending")),
  );
  setImmediate(() => stream.emit("drain"));
  expect(await Promise.race([body, pending])).toEqual({ outcome: "too-large" });
  stream.destroy();
});

test("a body of the limit is read whole", async () => {
  const stream = chunked();
  const body = readBody(request(stream), 100);
  stream.write(Buffer.alloc(60, 1));
  stream.end(Buffer.alloc(40, 2));
  const bytes = Buffer.concat([Buffer.alloc(60, 1), Buffer.alloc(40, 2)]);
  expect(await body).toEqual({ outcome: "read", bytes });
});
