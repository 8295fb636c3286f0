import { expect, test } from "vitest";
import { redacted } from "./redact.ts";

const CANARY = "c4n4ry";

test("credentials and addresses are redacted, wherever they are", () => {
  const event = {
    headers: { Authorization: `Bearer ${CANARY}`, Cookie: CANARY, "x-api-key": CANARY },
    multiValueHeaders: { authorization: [CANARY] },
    rawQueryString: `email=${CANARY}&limit=5`,
    queryStringParameters: { ticket: CANARY },
    body: JSON.stringify({ name: "John", email: CANARY, nested: [{ phone: CANARY }] }),
  };
  const text = JSON.stringify(redacted(event));
  expect(text).not.toContain(CANARY);
  expect(text).toContain("John");
  expect(text).toContain("limit=5");
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
