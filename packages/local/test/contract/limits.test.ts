import { resolved } from "@stockwire/core/lazy";
/**
 * The largest legal input of every member, parameter and header, and one beyond, through the app to
 * the engine that the suite runs on. What is expected is literal, so every engine gives the same
 * answers, and none of them is a 5xx. A member or parameter without a case fails.
 */

import { routes } from "@stockwire/functions/api/policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { address, type Answer, type Driver, drivers, type Request } from "../drivers.ts";

let driver: Driver;
beforeAll(async () => {
  const [, lambda] = drivers;
  if (!lambda) throw new Error("no driver");
  driver = await lambda.open();
});
afterAll(() => driver.close());

let count = 0;
/** Text of a number of code points of four bytes each, of which no two are equal. */
const text = (codePoints: number) => String(++count).padStart(8, "0") + "😀".repeat(codePoints - 8);

const send = async (method: string, path: string, more: Omit<Request, "method" | "path"> = {}) => {
  const answer = await driver.send({ method, path, ...more });
  expect(answer.status).toBeLessThan(500);
  return answer;
};
const post = (path: string, body: unknown, headers = {}) => send("POST", path, { body, headers });

const outcome = ({ status, json }: Answer): unknown =>
  status < 400 ? status : `${status} ${json.code}`;

const pen = (more: object = {}) => ({ name: "Pen", price: 1, category: "pens", ...more });
const newProduct = async (more: object = {}): Promise<string> =>
  (await post("/products", pen(more))).json.id;

const MAX = 1_000_000_000;

/** The largest legal value of each member of a body, and one beyond. */
interface Case {
  largest: () => unknown;
  beyond: () => unknown;
}
const textOf = (most: number): Case => ({
  largest: () => text(most),
  beyond: () => text(most + 1),
});
const upTo = (most: number, beyond = most + 1): Case => ({
  largest: () => most,
  beyond: () => beyond,
});
const oneOf = (value: string): Case => ({ largest: () => value, beyond: () => `${value}s` });

const user = {
  name: textOf(100),
  email: {
    largest: () => address().padStart(254, "x"),
    beyond: () => address().padStart(255, "x"),
  },
  phone: { largest: () => "9".repeat(10), beyond: () => "9".repeat(11) },
  age: upTo(120),
  status: oneOf("disabled"),
};
const product = {
  name: textOf(200),
  price: upTo(9_999_999.99, 10_000_000),
  currency: oneOf("USD"),
  // Folding makes three code points of each, so the index's key is a hash.
  category: { largest: () => "ΐ".repeat(100), beyond: () => "ΐ".repeat(101) },
  description: textOf(4_000),
  sku: textOf(64),
  status: oneOf("archived"),
};
const ttlSeconds = upTo(86_400);

/** The bodies by method and path. `path` makes the record that the request is about. */
const BODIES: Record<
  string,
  { path: () => Promise<string> | string; members: Record<string, Case> }
> = {
  "POST /users": { path: () => "/users", members: user },
  "PUT /users/{id}": { path: () => newUser(), members: user },
  "PATCH /users/{id}": { path: () => newUser(), members: user },
  "POST /products": {
    path: () => "/products",
    members: { ...product, initialQuantity: upTo(MAX) },
  },
  "PUT /products/{id}": { path: async () => `/products/${await newProduct()}`, members: product },
  "PATCH /products/{id}": { path: async () => `/products/${await newProduct()}`, members: product },
  "PUT /inventory/{productId}": {
    path: async () => `/inventory/${await newProduct({ initialQuantity: MAX })}`,
    members: {
      quantity: upTo(MAX),
      reorderPoint: upTo(MAX),
      expectedQuantity: upTo(MAX),
      reason: textOf(200),
    },
  },
  "POST /inventory/{productId}/adjustments": {
    path: async () => `/inventory/${await newProduct({ initialQuantity: MAX })}/adjustments`,
    members: { delta: upTo(-MAX, -MAX - 1), reason: textOf(200), reference: textOf(200) },
  },
  "POST /inventory/counts": {
    path: async () => {
      counted = await Promise.all(
        Array.from({ length: 26 }, () => newProduct({ initialQuantity: 1 })),
      );
      return "/inventory/counts";
    },
    members: {
      counts: { largest: () => counts(25), beyond: () => counts(26) },
      reason: textOf(200),
    },
  },
  "POST /reservations": {
    path: async () => {
      held = await Promise.all(
        Array.from({ length: 21 }, () => newProduct({ initialQuantity: MAX })),
      );
      return "/reservations";
    },
    members: {
      lines: { largest: () => lines(20), beyond: () => lines(21) },
      ttlSeconds,
      reference: textOf(200),
    },
  },
  "POST /reservations/{id}/extend": {
    path: async () => {
      const [line] = [{ productId: await newProduct({ initialQuantity: 1 }), quantity: 1 }];
      return `/reservations/${(await post("/reservations", { lines: [line] })).json.id}/extend`;
    },
    members: { ttlSeconds },
  },
};
const newUser = async () =>
  `/users/${(await post("/users", { name: "Ana", email: address() })).json.id}`;
let counted: string[] = [];
const counts = (number: number) =>
  counted.slice(0, number).map((productId) => ({ productId, quantity: MAX }));
let held: string[] = [];
const lines = (number: number) =>
  held.slice(0, number).map((productId) => ({ productId, quantity: MAX }));

/** The members of a body; none where they are free, as in items and batches. */
const membersOf = (body: z.ZodType | undefined): string[] => {
  const schema = body && resolved(body);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
};

const bodies = routes.flatMap(({ method, path, body }) => {
  const members = membersOf(body);
  return members.length > 0 ? [[`${method} ${path}`, members] as const] : [];
});

test("every body has its cases", () => {
  expect(Object.keys(BODIES).toSorted()).toEqual(bodies.map(([name]) => name).toSorted());
});

describe.each(bodies)("%s", (name, members) => {
  const { path, members: cases } = BODIES[name] ?? { path: () => "", members: {} };
  const [method = ""] = name.split(" ");
  let at = "";
  beforeAll(async () => {
    at = await path();
  });

  const largest = () =>
    Object.fromEntries(members.map((member) => [member, cases[member]?.largest()]));

  test.each(members)("takes at most the largest %s", async (member) => {
    expect(cases).toHaveProperty(member);
    const body = { ...largest(), [member]: cases[member]?.beyond() };
    const answer = await send(method, at, { body });
    expect(outcome(answer)).toBe("400 invalid_request");
    expect(answer.json.errors).toMatchObject([{ pointer: `/${member}` }]);
  });

  test("takes the largest of all members together", async () => {
    const answer = await send(method, at, {
      body: largest(),
      headers: { "Idempotency-Key": key(255) },
    });
    const creates = method === "POST" && !/extend$|counts$/.test(at);
    expect(outcome(answer)).toBe(creates ? 201 : 200);
  });
});

const key = (length: number) => String(++count).padStart(length, "k");

/** The longest legal value of each query parameter with its outcome, and one beyond with its own. */
const QUERIES: Record<
  string,
  (name: string) => [largest: string, unknown, beyond: string, unknown]
> = {
  limit: () => ["100", 200, "9".repeat(16), "400 invalid_parameter"],
  order: () => ["desc", 200, "descs", "400 invalid_parameter"],
  nextToken: () => [
    "x".repeat(2048),
    "400 invalid_cursor",
    "x".repeat(2049),
    "400 invalid_parameter",
  ],
  since: () => ["x".repeat(2048), "400 invalid_cursor", "x".repeat(2049), "400 invalid_parameter"],
  email: () => [
    address().padStart(254, "x"),
    200,
    address().padStart(255, "x"),
    "400 invalid_parameter",
  ],
  category: () => ["ΐ".repeat(100), 200, "ΐ".repeat(101), "400 invalid_parameter"],
  sku: () => [text(64), 200, text(65), "400 invalid_parameter"],
  type: () => ["字".repeat(256), 200, "字".repeat(257), "400 invalid_parameter"],
  level: () => ["low", 200, "lower", "400 invalid_parameter"],
  status: () => ["active", 200, "actives", "400 invalid_parameter"],
  productId: () => ["p".repeat(128), 200, "p".repeat(129), "400 invalid_parameter"],
  include: () => ["inventory", "404 product_not_found", "inventories", "400 invalid_parameter"],
  topic: () => [
    "items?type=" + "t".repeat(256),
    200,
    "items/" + "x".repeat(1024),
    "400 invalid_parameter",
  ],
  wait: () => ["0", 200, "21", "400 invalid_parameter"],
  last: () => ["100", 200, "101", "400 invalid_parameter"],
  version: () => ["3.0", 200, "3.00", "400 invalid_parameter"],
  name: () => ["😀".repeat(200), 200, "😀".repeat(201), "400 invalid_parameter"],
};

// A stream of events does not end; the tests of streams have its parameters.
const queries = routes
  .filter(({ events }) => !events)
  .flatMap(({ method, path, query }) =>
    Object.keys(query?.shape ?? {}).map((name) => [`${method} ${path}`, name] as const),
  );

test.each(queries)("%s takes at most the largest %s", async (route, name) => {
  expect(QUERIES).toHaveProperty(name);
  const [largest, outcomeOfLargest, beyond, outcomeOfBeyond] = QUERIES[name]?.(name) ?? [];
  const [, path = ""] = route.split(" ");
  const at = path.replace(/\{\w+\}/, "01939f3c-0000-7000-8000-000000000000");
  const topic = path === "/changes" && name !== "topic" ? "topic=items&" : "";
  const get = (value = "") => send("GET", `${at}?${topic}${name}=${encodeURIComponent(value)}`);
  // A history of a record that never was is a 404, whatever is asked of it.
  const missing = path.endsWith("history") ? /^404 \w+_not_found$|^400 invalid_cursor$/ : undefined;
  const answer = outcome(await get(largest));
  if (missing) expect(String(answer)).toMatch(missing);
  else expect(answer).toBe(outcomeOfLargest);
  expect(outcome(await get(beyond))).toBe(outcomeOfBeyond);
});

describe("an item", () => {
  const ofBytes = (bytes: number) => {
    const empty = Buffer.byteLength(JSON.stringify({ n: "" }));
    return { n: "x".repeat(bytes - empty) };
  };
  const ofDepth = (levels: number): object => (levels === 1 ? {} : { n: ofDepth(levels - 1) });

  test.each([
    ["64 KiB", () => JSON.stringify(ofBytes(65_536)), 201],
    ["64 KiB and one byte", () => JSON.stringify(ofBytes(65_537)), "413 body_too_large"],
    ["64 KiB of text of three bytes", () => `{"n":"${"字".repeat(21_842)}"}`, 201],
    ["16 levels", () => JSON.stringify(ofDepth(16)), 201],
    ["17 levels", () => JSON.stringify(ofDepth(17)), "400 invalid_request"],
    [
      "5 000 members",
      () =>
        JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`m${n}`, n]))),
      201,
    ],
    ["a name of 60 000 characters", () => JSON.stringify({ ["n".repeat(60_000)]: 1 }), 201],
    ["an empty name", () => `{"":{"":""}}`, 201],
    ["the largest and the smallest double", () => `{"n":[1.7976931348623157e308,5e-324]}`, 201],
    ["an integer of 38 digits that a double holds", () => `{"n":1e37}`, 201],
    [
      "an integer of 38 digits that no double holds",
      () => `{"n":12345678901234567890123456789012345678}`,
      "400 invalid_request",
    ],
    [
      "an indexed type of 256 characters of three bytes",
      () => JSON.stringify({ type: "字".repeat(256) }),
      201,
    ],
    [
      "a type that is too long for the index",
      () => JSON.stringify({ type: "字".repeat(257) }),
      201,
    ],
  ])("of %s", async (_, body, expected) => {
    const answer = await post("/items", body(), { "Idempotency-Key": key(255) });
    expect(outcome(answer)).toBe(expected);
    if (answer.status !== 201) return;
    const found = await send("GET", `/items/${answer.json.id}`);
    expect(found.json).toEqual(answer.json);
    expect(found.json).toMatchObject(JSON.parse(body()));
  });

  test("that a patch makes larger than 64 KiB is refused", async () => {
    const { json } = await post("/items", ofBytes(65_536));
    const answer = await send("PATCH", `/items/${json.id}`, { body: { more: 1 } });
    expect(outcome(answer)).toBe("413 body_too_large");
  });
});

test("ids of 128 characters of three bytes can be created, paged, changed and deleted", async () => {
  const type = key(100);
  const ids = [0, 1, 2].map((n) => `${n}${"字".repeat(127)}`);
  for (const id of ids) {
    const headers = { "If-None-Match": "*", "Idempotency-Key": key(255) };
    const at = `/items/${encodeURIComponent(id)}`;
    expect(outcome(await send("PUT", at, { body: { type }, headers }))).toBe(201);
  }
  const walked: string[] = [];
  let next = "";
  do {
    const page = await send("GET", `/items?type=${type}&limit=1&order=asc${next}`);
    expect(page.status).toBe(200);
    walked.push(...page.json.items.map(({ id }: { id: string }) => id));
    next = page.json.nextToken ? `&nextToken=${page.json.nextToken}` : "";
  } while (next !== "");
  expect(walked).toEqual(ids);
  for (const id of ids) {
    const at = `/items/${encodeURIComponent(id)}`;
    expect(outcome(await send("PATCH", at, { body: { n: 1 } }))).toBe(200);
    expect(outcome(await send("DELETE", at))).toBe(204);
  }
  expect(outcome(await send("GET", `/items/${encodeURIComponent("字".repeat(129))}`))).toBe(
    "400 invalid_id",
  );
});

describe("headers:", () => {
  const tags = (from: number, number: number) =>
    Array.from({ length: number }, (_, n) => `"${from + n}"`).join(", ");
  const LAST = '"1"';
  const others = (number: number) => `${tags(2, number - 1)}, ${LAST}`;

  test.each([
    ["PATCH", "/items", { n: 2 }],
    ["PUT", "/items", { n: 2 }],
    ["DELETE", "/items", undefined],
  ])("If-Match of 100 tags on %s %s, not of 101", async (method, path, body) => {
    const { json } = await post(path, { n: 1 });
    const at = `${path}/${json.id}`;
    const refused = await send(method, at, { body, headers: { "If-Match": others(101) } });
    expect(outcome(refused)).toBe("400 invalid_parameter");
    const stale = await send(method, at, { body, headers: { "If-Match": tags(2, 100) } });
    expect(outcome(stale)).toBe("412 precondition_failed");
    const done = await send(method, at, { body, headers: { "If-Match": others(100) } });
    expect(outcome(done)).toBe(method === "DELETE" ? 204 : 200);
  });

  test("If-Match of 100 tags with the largest bodies of users, products and inventory", async () => {
    const headers = { "If-Match": others(100) };
    for (const name of [
      "PATCH /users/{id}",
      "PATCH /products/{id}",
      "PUT /inventory/{productId}",
    ]) {
      const { path, members } = BODIES[name] ?? { path: () => "", members: {} };
      const body = Object.fromEntries(
        Object.entries(members).map(([member, { largest }]) => [member, largest()]),
      );
      const [method = ""] = name.split(" ");
      expect(outcome(await send(method, await path(), { body, headers }))).toBe(200);
    }
  });

  test.each([
    ["Idempotency-Key", key(255), 201, key(256), "400 invalid_parameter"],
    ["X-Client-Ref", "r".repeat(64), 201, "r".repeat(65), "400 invalid_parameter"],
    ["X-Request-Id", "r".repeat(64), 201, "r".repeat(65), 201],
    ["If-Match", `"${"t".repeat(1022)}"`, 201, `"${"t".repeat(1023)}"`, "400 invalid_parameter"],
  ])("the longest %s", async (name, largest, expected, beyond, refused) => {
    expect(outcome(await post("/items", {}, { [name]: largest }))).toBe(expected);
    expect(outcome(await post("/items", {}, { [name]: beyond }))).toBe(refused);
  });
});

describe("a batch", () => {
  const keyed = () => ({ "Idempotency-Key": key(255) });

  test.each<[string, () => object]>([
    ["/users/batch", () => ({ name: "Ana", email: address() })],
    ["/products/batch", () => pen({ sku: text(64) })],
    ["/items/batch", () => ({ n: 1 })],
  ])("%s has at most 100 entries, atomic 25", async (path, entry) => {
    const entries = (number: number) => Array.from({ length: number }, entry);
    expect(outcome(await post(path, entries(101)))).toBe("400 invalid_request");
    expect(outcome(await post(path, entries(100), keyed()))).toBe(201);
    const atomic = (number: number) => ({ items: entries(number), atomic: true });
    expect(outcome(await post(path, atomic(26), keyed()))).toBe("400 invalid_request");
    // With the rows of the key, up to the 100 actions of a transaction.
    expect(outcome(await post(path, atomic(25), keyed()))).toBe(201);
  });

  test("has at most 1 MiB, also as one transaction with a key", async () => {
    const entries = Array.from({ length: 25 }, () => ({ n: "" }));
    const left = 1_048_576 - Buffer.byteLength(JSON.stringify({ items: entries, atomic: true }));
    const share = Math.floor(left / 25);
    const items = entries.map((_, n) => ({ n: "x".repeat(n === 0 ? left - 24 * share : share) }));
    const more = [{ n: `${items[0]?.n}x` }, ...items.slice(1)];
    expect(outcome(await post("/items/batch", { items: more, atomic: true }, keyed()))).toBe(
      "413 body_too_large",
    );
    const answer = await post("/items/batch", { items, atomic: true }, keyed());
    expect(outcome(answer)).toBe(201);
    expect(answer.json.succeeded).toBe(25);
  });
});

describe("the lines of a reservation", () => {
  test.each([
    [
      "an unknown product id of 128 characters",
      { productId: "p".repeat(128), quantity: 1 },
      "404 product_not_found",
    ],
    [
      "a product id of 129 characters",
      { productId: "p".repeat(129), quantity: 1 },
      "400 invalid_request",
    ],
    [
      "one unit more than the largest quantity",
      { productId: "p", quantity: MAX + 1 },
      "400 invalid_request",
    ],
  ])("%s", async (_, line, expected) => {
    expect(outcome(await post("/reservations", { lines: [line] }))).toBe(expected);
  });

  test("20 lines can be confirmed, cancelled and extended with a key and 100 tags", async () => {
    const products = await Promise.all(
      Array.from({ length: 20 }, () => newProduct({ initialQuantity: 2 })),
    );
    const body = { lines: products.map((productId) => ({ productId, quantity: 1 })) };
    const tags = Array.from({ length: 100 }, (_, n) => `"${n + 1}"`).join(",");
    for (const end of ["confirm", "cancel"]) {
      const { json } = await post("/reservations", body, { "Idempotency-Key": key(255) });
      const headers = () => ({ "Idempotency-Key": key(255), "If-Match": tags });
      const extended = await post(
        `/reservations/${json.id}/extend`,
        { ttlSeconds: 86_400 },
        headers(),
      );
      expect(outcome(extended)).toBe(200);
      const ended = await send("POST", `/reservations/${json.id}/${end}`, { headers: headers() });
      expect(outcome(ended)).toBe(200);
    }
  });
});
