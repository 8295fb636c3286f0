import { expect, test } from "vitest";
import document from "./openapi.json" with { type: "json" };
import { openapi30 } from "./openapi30.ts";

type Node = Record<string, unknown>;

/** Every object of a document that is a part of the description, not an example. */
function nodesOf(node: unknown, name = ""): { name: string; node: Node }[] {
  if (typeof node !== "object" || node === null) return [];
  const own = Array.isArray(node) ? [] : [{ name, node: node as Node }];
  const inner = Object.entries(node).filter(([key]) => !/^(?:examples?|default|enum)$/.test(key));
  return [...own, ...inner.flatMap(([key, value]) => nodesOf(value, key))];
}

const older = openapi30(document);
const nodes = nodesOf(older);

test("the older version has the same operations, parameters and statuses", () => {
  const outlineOf = ({ paths }: { readonly paths?: unknown }) =>
    Object.entries(paths as Record<string, Record<string, Node>>).map(([path, methods]) => [
      path,
      Object.entries(methods).map(([method, { parameters, responses }]) => [
        method,
        parameters,
        Object.keys(responses ?? {}),
      ]),
    ]);
  const parametersKept = (text: string) => text.replaceAll('"const":"active"', '"enum":["active"]');
  expect(JSON.stringify(outlineOf(older))).toBe(
    parametersKept(JSON.stringify(outlineOf(document))).replaceAll(
      '"const":"inventory"',
      '"enum":["inventory"]',
    ),
  );
  expect(older).toMatchObject({ openapi: "3.0.3" });
  const license = { name: "MIT", url: "https://spdx.org/licenses/MIT.html" };
  expect(older).toHaveProperty("info.license", license);
});

test("the older version has nothing that OpenAPI 3.0 does not know", () => {
  for (const { name, node } of nodes) {
    if (name === "properties") continue; // names of members
    expect(Object.keys(node)).not.toContain("const");
    expect(Object.keys(node)).not.toContain("propertyNames");
    expect(Array.isArray(node["type"])).toBe(false);
    expect(node["type"]).not.toBe("null");
    expect(typeof node["exclusiveMinimum"]).not.toBe("number");
    if ("$ref" in node) expect(Object.keys(node)).toEqual(["$ref"]);
  }
  expect(older).not.toHaveProperty("info.summary");
});

test("what may be null is nullable, and a constant is an enum of one value", () => {
  const nextToken = { type: "string", nullable: true };
  const expiresAt = { type: "string", format: "date-time", nullable: true };
  expect(older).toMatchObject({
    components: {
      schemas: {
        UserPage: { properties: { nextToken } },
        Me: { properties: { expiresAt } },
        Health: { properties: { status: { enum: ["ok"] } } },
        UserBatchAnswer: { properties: { succeeded: { minimum: 0 } } },
      },
    },
  });
});

test("the converted document stays as it is", () => {
  expect(document.openapi).toBe("3.1.1");
  expect(document.info).toHaveProperty("summary");
});
