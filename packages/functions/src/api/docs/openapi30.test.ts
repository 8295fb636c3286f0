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

const older = openapi30(document) as unknown as typeof document;
const nodes = nodesOf(older);

test("the older version has the same operations, parameters and statuses", () => {
  const outlineOf = ({ paths }: { paths: object }) =>
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
  expect(older.openapi).toBe("3.0.3");
  expect(older.info.license).toEqual({ name: "MIT", url: "https://spdx.org/licenses/MIT.html" });
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
  expect(Object.keys(older.info)).not.toContain("summary");
});

test("what may be null is nullable, and a constant is an enum of one value", () => {
  const { schemas } = older.components as unknown as {
    schemas: Record<string, { properties: Record<string, Node> }>;
  };
  expect(schemas["UserPage"]?.properties["nextToken"]).toMatchObject({
    type: "string",
    nullable: true,
  });
  expect(schemas["Me"]?.properties["expiresAt"]).toMatchObject({
    type: "string",
    format: "date-time",
    nullable: true,
  });
  expect(schemas["Health"]?.properties["status"]).toMatchObject({ enum: ["ok"] });
  expect(schemas["UserBatchAnswer"]).toMatchObject({ properties: { succeeded: { minimum: 0 } } });
});

test("the converted document stays as it is", () => {
  expect(document.openapi).toBe("3.1.1");
  expect(document.info).toHaveProperty("summary");
});
