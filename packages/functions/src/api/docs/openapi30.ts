/**
 * The OpenAPI document as version 3.0, for tools that know no newer one, such as the import of API
 * Gateway. What 3.0 cannot say is left out: names of additional members, `summary` of the API, and a list
 * of examples of a schema, which the bodies have as well.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
 */

type Node = Readonly<Record<string, unknown>>;

/** Members whose value is data, not a part of the description. */
const DATA = new Set(["example", "examples", "default", "enum"]);

/** Members whose own members have names that the document has chosen. */
const MAPS = new Set(["paths", "properties", "schemas", "responses", "headers", "parameters"]);

/** Converts a document of version 3.1, which stays as it is. */
export function openapi30(document: Node): Node {
  const { info, components, ...rest } = converted(document, document) as Record<string, Node>;
  const { responses: _responses, ...others } = components as Node; // all are in their places
  const { summary: _, license, ...about } = info as Record<string, Node>;
  const { identifier, ...named } = license as Record<string, string>;
  const url = `https://spdx.org/licenses/${identifier}.html`;
  return {
    ...rest,
    openapi: "3.0.3",
    info: { ...about, license: { ...named, url } },
    components: others,
  };
}

function converted(node: unknown, root: Node, isMap = false): unknown {
  if (Array.isArray(node)) return node.map((each) => converted(each, root));
  if (typeof node !== "object" || node === null) return node;
  const { $ref, ...beside } = node as { $ref?: string } & Node;
  // 3.0 ignores what is beside a reference.
  if (!isMap && $ref?.includes("/responses/")) {
    return converted({ ...(targetOf($ref, root) as Node), ...beside }, root);
  }
  if (!isMap && $ref !== undefined && Object.keys(beside).length > 0) {
    return { allOf: [{ $ref }], ...(converted(beside, root) as Node) };
  }
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (isMap) result[key] = converted(value, root);
    else Object.assign(result, member(key, value, root));
  }
  return result;
}

function member(key: string, value: unknown, root: Node): Node {
  if (key === "const") return { enum: [value] };
  if (key === "propertyNames") return {};
  if (key === "exclusiveMinimum") return { minimum: value, exclusiveMinimum: true };
  if (key === "examples" && Array.isArray(value)) return {}; // the examples of bodies stay
  if (key === "type" && Array.isArray(value)) {
    return { type: value.find((type) => type !== "null"), nullable: true };
  }
  if (key === "anyOf") {
    const types = value as Node[];
    const others = types.filter(({ type }) => type !== "null");
    const all = converted(others, root) as Node[];
    if (others.length < types.length) return { ...all[0], nullable: true };
    return { anyOf: all };
  }
  return { [key]: DATA.has(key) ? value : converted(value, root, MAPS.has(key)) };
}

const targetOf = ($ref: string, root: Node): unknown =>
  $ref
    .slice("#/".length)
    .split("/")
    .reduce<unknown>((from, step) => (from as Node)[step], root);
