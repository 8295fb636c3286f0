import { expect, test } from "vitest";
import { redacted } from "./redact.ts";

const CANARY = "c4n4ry";

test("credentials and addresses are redacted, wherever they are", () => {
  const event = {
    headers: { Authorization: `Bearer ${CANARY}`, Cookie: CANARY, "x-api-key": CANARY },
    multiValueHeaders: { authorization: [CANARY] },
    rawQueryString: `email=${CANARY}&limit=5`,
    path: `/items/eyJhbGciOiJSUzI1NiJ9.${CANARY}.${CANARY}`,
    queryStringParameters: { ticket: CANARY },
    body: JSON.stringify({ name: "John", email: CANARY, nested: [{ phone: CANARY }] }),
  };
  const text = JSON.stringify(redacted(event));
  expect(text).not.toContain(CANARY);
  expect(text).toContain("John");
  expect(text).toContain("limit=5");
});

test("a text that is JSON is checked too, as in a message of a queue or in an attribute of an item", () => {
  const change = JSON.stringify({ data: { name: "John", email: CANARY } });
  const delivery = JSON.stringify({ frames: [change], ids: ["i"] });
  const data = { S: JSON.stringify({ name: "Jane", token: CANARY }) };
  const event = {
    Records: [{ body: delivery }, { dynamodb: { NewImage: { data, email: { S: CANARY } } } }],
  };
  const text = JSON.stringify(redacted(event));
  expect(text).not.toContain(CANARY);
  expect(text).toContain("John");
  expect(text).toContain("Jane");
  expect(redacted([`{"email":"${CANARY}`])).toEqual(["[16 characters]"]);
  let deep = CANARY;
  for (let n = 0; n < 14; n++) deep = JSON.stringify([deep]);
  expect(JSON.stringify(redacted(deep))).not.toContain(CANARY);
});

test("what only AWS and the store call so is redacted too", () => {
  const event = {
    authorizationToken: `Bearer ${CANARY}`,
    dynamodb: { NewImage: { emailKey: { S: CANARY }, name: { S: "John" } } },
  };
  const text = JSON.stringify(redacted(event));
  expect(text).not.toContain(CANARY);
  expect(text).toContain("John");
});

test("a body that is not JSON is replaced by its length", () => {
  expect(redacted({ body: `{"email":"${CANARY}` })).toEqual({ body: "[16 characters]" });
});

test("long texts, long lists and deep nesting are cut", () => {
  let deep: unknown = CANARY;
  for (let n = 0; n < 100_000; n++) deep = [deep];
  const value = { deep, list: Array.from({ length: 5_000 }, () => 1), text: "x".repeat(100_000) };
  expect(JSON.stringify(redacted(value)).length).toBeLessThan(3_000);
});
