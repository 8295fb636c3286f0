/** The small classes are those of the Fetch standard, for what they have. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { normalise } from "../api/event.ts";
import { LightHeaders } from "./headers.ts";
import { requestOf, resultOf } from "./lambda.ts";
import { LightResponse } from "./response.ts";

const name = fc.oneof(
  fc.constantFrom("A", "a", "Set-Cookie", "set-cookie", "Cookie", "Vary", "x-1"),
  fc.string({ maxLength: 4 }),
);
const value = fc.oneof(
  fc.constantFrom("1", "", " \t2 ", "a, b", "ü", "\u0100", "a\nb", "a\0", "\n1\r"),
  fc.string({ unit: "binary", maxLength: 5 }),
);
type Fields = Pick<
  Headers,
  "append" | "set" | "delete" | "get" | "has" | "getSetCookie" | "keys" | "values" | "entries"
>;
type Step = (headers: Fields) => unknown;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, value).map(
    ([field, text]) =>
      (headers: Fields) =>
        headers.append(field, text),
  ),
  fc.tuple(name, value).map(
    ([field, text]) =>
      (headers: Fields) =>
        headers.set(field, text),
  ),
  name.map((field) => (headers: Fields) => [
    headers.get(field),
    headers.has(field),
    headers.delete(field),
  ]),
);

const attempt = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as Error).name;
  }
};
const stateOf = (headers: Fields) => [
  [...headers.entries()],
  [...headers.keys()],
  [...headers.values()],
  headers.getSetCookie(),
];

test("headers answer any sequence of calls as the real ones do", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const [light, real] = [new LightHeaders(), new Headers()];
      for (const run of steps) {
        expect(attempt(() => run(light))).toEqual(attempt(() => run(real)));
        expect(stateOf(light)).toEqual(stateOf(real));
      }
      const copies = [new LightHeaders(light), new LightHeaders(Object.fromEntries(light))];
      expect(copies.map(stateOf)).toEqual(
        [new Headers(real), new Headers(Object.fromEntries(real))].map(stateOf),
      );
    }),
    { numRuns: 200 },
  );
});

type Content = ConstructorParameters<typeof Response>[0];
const body = fc.oneof(
  fc.constantFrom(null, undefined, ""),
  fc.string({ unit: "binary" }),
  fc.uint8Array(),
);
const init = fc.record(
  {
    status: fc.constantFrom(200, 201, 204, 304, 400, 503, 99, 600, 20.5),
    headers: fc.dictionary(fc.constantFrom("Content-Type", "ETag"), fc.constantFrom("a/b", "x")),
  },
  { requiredKeys: [] },
);

test("a response is what the real one is, or throws what it throws", async () => {
  const read = async (make: () => Response | LightResponse) => {
    const made = attempt(make);
    if (typeof made === "string") return made;
    const response = made as Response;
    const { status, ok } = response;
    return [status, ok, [...response.headers], await response.text(), response.bodyUsed];
  };
  await fc.assert(
    fc.asyncProperty(body, init, async (content, given) => {
      const real = () => new Response(content as Content, given);
      expect(await read(() => new LightResponse(content, given))).toEqual(await read(real));
      const bytes = await new LightResponse(content).arrayBuffer();
      expect(bytes).toEqual(await new Response(content as Content).arrayBuffer());
    }),
  );
});

test("a response is read once, and a stream is not taken for text", async () => {
  const response = new LightResponse('{"a":1}');
  expect(await response.json()).toEqual({ a: 1 });
  await expect(response.text()).rejects.toThrow("has been read");
  const stream = new ReadableStream();
  const streamed = new LightResponse(stream);
  expect(streamed.body).toBe(stream);
  await expect(streamed.text()).rejects.toThrow("A stream is read through");
  expect(() => new LightResponse(7)).toThrow("text, bytes or a stream");
});

const event = (given: object = {}) => {
  const normalised = normalise({
    rawPath: "/items",
    rawQueryString: "a=ü&b=%20+c d",
    requestContext: { http: { method: "POST" } },
    ...given,
  });
  if (normalised === undefined) throw new Error("not an event");
  return normalised;
};

test("a request has the URL, headers and bytes that the real one has", async () => {
  const headers = { "X-Name": "für", "content-type": "application/json", empty: "" };
  const light = requestOf(event({ headers, body: "ü" }));
  const real = new Request("https://localhost/items?a=ü&b=%20+c d", {
    method: "POST",
    headers: { ...headers, "X-Name": "f%C3%BCr", "content-length": "2" },
    body: "ü",
  });
  expect([light.url, light.method]).toEqual([real.url, real.method]);
  expect([...light.headers]).toEqual([...real.headers]);
  expect(await light.arrayBuffer()).toEqual(await real.arrayBuffer());
  const packed = requestOf(event({ body: "w7w=", isBase64Encoded: true }));
  expect(await packed.text()).toBe("ü");
});

test("a result has bytes in base64, and each cookie by itself", () => {
  const answer = new LightResponse(new Uint8Array([255]), { headers: { ETag: '"1"' } });
  answer.headers.append("Set-Cookie", "a=1");
  answer.headers.append("Set-Cookie", "b=2");
  expect(resultOf(event(), answer)).toEqual({
    statusCode: 200,
    headers: { etag: '"1"' },
    cookies: ["a=1", "b=2"],
    body: "/w==",
    isBase64Encoded: true,
  });
  const rest = { httpMethod: "GET", path: "/items", multiValueHeaders: { a: ["1", "2"] } };
  const normalised = normalise({ ...rest, requestContext: {} });
  if (normalised === undefined) throw new Error("not an event");
  expect(requestOf(normalised).headers.get("a")).toBe("1, 2");
  expect(resultOf(normalised, answer).multiValueHeaders).toEqual({
    etag: ['"1"'],
    "set-cookie": ["a=1", "b=2"],
  });
  expect(resultOf(event(), new LightResponse(null, { status: 204 }))).not.toHaveProperty("body");
});
