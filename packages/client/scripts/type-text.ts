/**
 * TypeScript types of the HTTP API and the frames of the Live API, made from the two documents that
 * the server serves. So the client has the server's types without its sources.
 */

interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  description?: string;
}

type Content = Readonly<Record<string, { schema: Schema }>>;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Operation {
  summary?: string;
  parameters?: readonly (Parameter | { $ref: string })[];
  requestBody?: { content: Content };
  responses: Readonly<Record<string, { content?: Content }>>;
}

export interface OpenApi {
  paths: Readonly<Record<string, Readonly<Record<string, Operation | string>>>>;
  components: { schemas: Readonly<Record<string, Schema>> };
}

export interface AsyncApi {
  components: { schemas: Readonly<Record<string, Schema>> };
}

const METHODS = ["get", "post", "put", "patch", "delete"];
const JSON_TYPE = "application/json";

const HEADER = `/**
 * The HTTP API and the frames of the Live API as types. \`npm run client-types\` writes this file from
 * /openapi.json and /asyncapi.json; a test fails while it is stale.
 */

import type { Call } from "./call.ts";
`;

/** The text of src/api.gen.ts. */
export function typeText({ paths, components }: OpenApi, live: AsyncApi): string {
  const frames = Object.keys(live.components.schemas);
  const union = (side: string) =>
    frames
      .filter((name) => name.startsWith(side))
      .map((name) => `\n  | ${name}`)
      .join("");
  const schemas = { ...live.components.schemas, ...components.schemas };
  return [
    HEADER,
    ...Object.entries(schemas).map(
      ([name, schema]) =>
        `${comment(schema.description, "")}export type ${name} = ${typeOf(schema, "")};\n`,
    ),
    `/** A frame that a client sends. */\nexport type ClientFrame =${union("Client")};\n`,
    `/** A frame that the server sends. */\nexport type ServerFrame =${union("Server")};\n`,
    '/** A resource, and the feed of its changes. */\nexport type Feed = Change["feed"];\n',
    `/** The routes of the HTTP API. */\nexport interface Client ${routes(paths)}\n`,
  ].join("\n");
}

interface Node {
  calls: string[];
  children: Map<string, Node>;
}

const newNode = (): Node => ({ calls: [], children: new Map() });

/** Nested objects of path segments, whose members `$get`, `$post` … are the calls. */
function routes(paths: OpenApi["paths"]): string {
  const root = newNode();
  for (const [path, operations] of Object.entries(paths)) {
    const calls = METHODS.flatMap((method) => {
      const operation = operations[method];
      const call = typeof operation === "object" ? callOf(operation) : undefined;
      if (typeof operation !== "object" || call === undefined) return [];
      return [
        (indent: string) =>
          `${comment(operation.summary, indent)}${indent}$${method}: ${call(indent)};`,
      ];
    });
    if (calls.length === 0) continue;
    let node = root;
    let indent = "  ";
    for (const segment of path.slice(1).split("/")) {
      const key = segment.replace(/^\{(.*)\}$/, ":$1");
      const child = node.children.get(key) ?? newNode();
      node.children.set(key, child);
      node = child;
      indent += "  ";
    }
    node.calls.push(...calls.map((call) => call(indent)));
  }
  return nodeText(root, "");
}

function nodeText({ calls, children }: Node, indent: string): string {
  const inner = [...children].map(
    ([key, node]) => `${indent}  ${keyOf(key)}: ${nodeText(node, `${indent}  `)};`,
  );
  return `{\n${[...calls, ...inner].join("\n")}\n${indent}}`;
}

/** Undefined for a route whose answer is not JSON: a page for people. */
function callOf(operation: Operation): ((indent: string) => string) | undefined {
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  const contents = answers.map(([, { content }]) => content);
  if (contents.some((content) => content && !content[JSON_TYPE])) return undefined;
  const given = (operation.parameters ?? []).filter((one): one is Parameter => "in" in one);
  const members = (place: string): [string, Schema, boolean, string | undefined][] =>
    given
      .filter((one) => one.in === place)
      .map(({ name, schema, required, description }) => [
        name,
        schema,
        required ?? false,
        description,
      ]);
  const body = operation.requestBody?.content[JSON_TYPE]?.schema;
  return (indent) => {
    const outputs = contents.map((content) => {
      const schema = content?.[JSON_TYPE]?.schema;
      return schema ? typeOf(schema, indent) : "null";
    });
    const [param, query] = [members("path"), members("query")];
    const deeper = `${indent}  `;
    const input = [
      ...(param.length > 0 ? [`${deeper}param: ${objectText(param, deeper)};`] : []),
      ...(query.length > 0
        ? [
            `${deeper}query${query.some(([, , required]) => required) ? "" : "?"}: ${objectText(query, deeper, true)};`,
          ]
        : []),
      ...(body ? [`${deeper}json: ${typeOf(body, deeper)};`] : []),
    ];
    const inputText = input.length === 0 ? "{}" : `{\n${input.join("\n")}\n${indent}}`;
    return `Call<${inputText}, ${[...new Set(outputs)].join(" | ")}>`;
  };
}

const keyOf = (name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);

const comment = (text: string | undefined, indent: string): string =>
  text === undefined
    ? ""
    : `${indent}/** ${text.replaceAll("*/", "*\\/").replaceAll("\n", ` `)} */\n`;

function objectText(
  members: readonly [name: string, schema: Schema, required: boolean, text: string | undefined][],
  indent: string,
  query = false,
): string {
  const deeper = `${indent}  `;
  const lines = members.map(([name, schema, required, text]) => {
    const type = typeOf(schema, deeper);
    // Numbers of a query are written as text anyway.
    const shown = query && type === "number" ? "number | string" : type;
    return `${comment(text, deeper)}${deeper}${keyOf(name)}${required ? "" : "?"}: ${shown}${required ? "" : " | undefined"};`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

/** The TypeScript type of a JSON Schema. Throws for a form that it does not know. */
export function typeOf(schema: Schema, indent: string): string {
  const list = (all: readonly Schema[], by: string) =>
    all.map((one) => parenthesized(typeOf(one, indent))).join(by);
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return list(schema.anyOf, " | ");
  if (schema.oneOf) return list(schema.oneOf, " | ");
  if (schema.allOf) return list(schema.allOf, " & ");
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(" | ");
  }
  switch (schema.type) {
    case "object":
      return objectOf(schema, indent);
    case "array":
      return `${parenthesized(typeOf(schema.items ?? {}, indent))}[]`;
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case undefined:
      return "unknown";
    default:
      throw new TypeError(`A schema of type ${schema.type}`);
  }
}

const parenthesized = (text: string): string => (/^[^{]*[|&]/.test(text) ? `(${text})` : text);

function objectOf(
  { properties, required = [], additionalProperties: rest }: Schema,
  indent: string,
) {
  const members = Object.entries(properties ?? {});
  const open = typeof rest === "object" ? rest : undefined;
  if (members.length === 0) return `Record<string, ${open ? typeOf(open, indent) : "unknown"}>`;
  const own = objectText(
    members.map(([name, schema]) => [name, schema, required.includes(name), schema.description]),
    indent,
  );
  return open ? `${own} & Record<string, ${typeOf(open, indent)}>` : own;
}
