import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import committed from "../src/api/docs/openapi.json" with { type: "json" };
import { routes } from "../src/api/policy.ts";
import { openapi } from "./openapi-document.ts";

type Json = Record<string, unknown>;
const document = JSON.parse(JSON.stringify(openapi())) as {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json> };
};

describe("the OpenAPI document", () => {
  test("equals the committed one; if not, run npm run openapi", () => {
    expect(committed).toEqual(document);
  });

  test("is OpenAPI 3.1 with a title and a version", () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({
      title: "Stockwire",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  test("has exactly the routes of the policy, each with an id of its own", () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => ({
        route: `${method.toUpperCase()} ${path}`,
        operationId,
      })),
    );
    expect(operations.map(({ route }) => route).toSorted()).toEqual(
      routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  test("resolves every reference within itself", () => {
    const text = JSON.stringify(document);
    for (const [, pointer = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = pointer
        .split("/")
        .reduce<unknown>((node, step) => (node as Json | undefined)?.[step], document);
      expect([pointer, target === undefined]).toEqual([pointer, false]);
    }
    expect(text).not.toMatch(/"\$ref":"(?!#)/);
  });

  test("has JSON Schemas that accept and refuse the same users as the validators", () => {
    const ajv = new Ajv2020({ strict: false, formats: { email: true, "date-time": true } });
    ajv.addSchema({ $id: "doc", components: document.components });
    const validate = ajv.compile({ $ref: "doc#/components/schemas/UserRequest" });
    expect(validate({ name: "John", email: "john@example.com", age: 30 })).toBe(true);
    for (const bad of [
      {},
      { name: "John" },
      { name: "J", email: "a@b.co" },
      { name: "John", email: "nope" },
      { name: "John", email: "a@b.co", x: 1 },
      { name: "John", email: "a@b.co", age: 17 },
    ]) {
      expect(validate(bad)).toBe(false);
    }
    for (const id of Object.keys(document.components.schemas)) {
      expect(() => ajv.compile({ $ref: `doc#/components/schemas/${id}` })).not.toThrow();
    }
  });
});
