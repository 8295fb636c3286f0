/** The small classes are those of the Fetch standard, for what they have. */

import fc from "fast-check";
import { Hono } from "hono";
import { handle, type LambdaEvent } from "hono/aws-lambda";
import { expect, test } from "vitest";
import { normalise } from "../api/event.ts";
import { LightHeaders } from "./headers.ts";
import { installLightClasses } from "./install.ts";
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

const EVENT: fc.Arbitrary<object> = fc
  .record({
    isRest: fc.boolean(),
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "TRACE"),
    path: fc.constantFrom("/items", "/a b/ü", "/a%2Fb", "//x", "/empty"),
    query: fc.oneof(fc.constantFrom("", "a=1&a=2", "a=ü&b=%20+c d"), fc.string({ maxLength: 6 })),
    headers: fc.dictionary(name, value, { maxKeys: 4 }),
    lists: fc.option(fc.dictionary(name, fc.array(value, { maxLength: 3 }), { maxKeys: 3 })),
    cookies: fc.option(fc.array(fc.constantFrom("a=1", "b=ü"), { maxLength: 2 })),
    text: fc.option(fc.string({ unit: "binary", maxLength: 20 })),
    isBase64Encoded: fc.boolean(),
  })
  .map(({ isRest, method, path, query, headers, lists, cookies, text, isBase64Encoded }) => {
    const content = { headers, body: text && isBase64Encoded ? btoa("ü") : text, isBase64Encoded };
    if (!isRest) {
      const requestContext = { http: { method } };
      return { ...content, rawPath: path, rawQueryString: query, cookies, requestContext };
    }
    const many = { multiValueHeaders: lists, multiValueQueryStringParameters: { q: [query, "2"] } };
    return { ...content, ...many, httpMethod: method, path, requestContext: {} };
  });

const echo = new Hono().all("*", async (c) => {
  c.header("Set-Cookie", "a=1", { append: true });
  c.header("Set-Cookie", "b=2", { append: true });
  if (c.req.path === "/empty") return c.body(null, 204);
  const { method, url } = c.req;
  const content = method === "PUT" ? await c.req.arrayBuffer() : await c.req.text();
  const sent = typeof content === "string" ? content : [...new Uint8Array(content)];
  const seen = { method, url, headers: c.req.header(), query: c.req.queries(), sent };
  return c.json(seen, 201);
});

test("Hono's adapter answers any event alike with small and with real classes", async () => {
  const real = {
    Headers: globalThis.Headers,
    Request: globalThis.Request,
    Response: globalThis.Response,
  };
  const adapted = handle(echo);
  const invoke = async (event: object) => {
    try {
      return await adapted(event as LambdaEvent);
    } catch (error) {
      return (error as Error).name;
    }
  };
  try {
    await fc.assert(
      fc.asyncProperty(EVENT, async (given) => {
        const event = normalise(given);
        if (event === undefined) return;
        Object.assign(globalThis, real);
        const expected = await invoke(event);
        installLightClasses();
        expect(await invoke(event)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  } finally {
    Object.assign(globalThis, real);
  }
});
