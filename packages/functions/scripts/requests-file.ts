/**
 * `docs/requests.http`: one request for each operation of the OpenAPI document, with its examples, in an
 * order in which all succeed. The format is that of VS Code's REST Client and of Visual Studio: a later
 * request takes an id from the answer of a request with a name. A test sends all of them.
 */

import * as z from "zod";
import type { Json } from "./json-schema.ts";

/** A request for an operation. Parameters and body are the examples of the document. */
interface Step {
  key: string; // of the route
  /** Later requests refer to its answer by this name. */
  name?: string;
  /** Query parameters to send, besides those that are required. */
  query?: readonly string[];
  headers?: Readonly<Record<string, string>>;
  /** The id in the path. */
  id?: string;
  /** The variable of the server, if not `baseUrl`. */
  server?: string;
  title?: string;
}

/** The id of the record that a named request has created. */
const idOf = (name: string) => `{{${name}.response.body.$.id}}`;
const firstOf = (name: string) => `{{${name}.response.body.$.results[0].record.id}}`;

const crud = (
  path: string,
  name: string,
  query: readonly string[],
  between: readonly Step[] = [],
): Step[] => [
  { key: `POST ${path}`, name },
  { key: `GET ${path}`, query },
  { key: `GET ${path}/{id}`, id: idOf(name) },
  { key: `PUT ${path}/{id}`, id: idOf(name), headers: { "If-Match": '"1"' } },
  ...between,
  { key: `PATCH ${path}/{id}`, id: idOf(name) },
  { key: `GET ${path}/{id}/history`, id: idOf(name), query: ["limit"] },
  { key: `DELETE ${path}/{id}`, id: idOf(name) },
  { key: `POST ${path}/batch`, name: `${name}Batch` },
  { key: `DELETE ${path}/{id}`, id: firstOf(`${name}Batch`), title: "Remove it again" },
];

/** Stock needs a product, which cannot be deleted while units of it are reserved. */
const stock: readonly Step[] = [
  { key: "GET /inventory", query: ["limit"] },
  { key: "GET /inventory/{productId}", id: idOf("product") },
  { key: "PUT /inventory/{productId}", id: idOf("product") },
  { key: "POST /inventory/counts" },
  { key: "POST /inventory/{productId}/adjustments", id: idOf("product") },
  { key: "GET /inventory/{productId}/history", id: idOf("product") },
  { key: "POST /reservations", name: "reservation" },
  { key: "GET /reservations", query: ["status"] },
  { key: "GET /reservations/{id}", id: idOf("reservation") },
  { key: "POST /reservations/{id}/extend", id: idOf("reservation") },
  { key: "POST /reservations/{id}/confirm", id: idOf("reservation") },
  { key: "GET /reservations/{id}/history", id: idOf("reservation") },
  { key: "POST /reservations", name: "second", title: "Reserve once more" },
  { key: "POST /reservations/{id}/cancel", id: idOf("second") },
];

const STEPS: readonly Step[] = [
  { key: "GET /hello", query: ["name"] },
  { key: "GET /health" },
  { key: "GET /ready" },
  { key: "GET /version" },
  { key: "GET /me" },
  ...crud("/users", "user", ["limit"]),
  ...crud("/products", "product", ["category", "limit"], stock),
  ...crud("/items", "item", ["type"]),
  { key: "GET /changes" },
  // On AWS the HTTP API cannot stream.
  { key: "GET /changes/stream", server: "partnerUrl" },
  { key: "POST /live/tickets" },
  { key: "GET /openapi.json", query: ["version"] },
  { key: "GET /asyncapi.json" },
  { key: "GET /docs" },
  { key: "GET /docs/problems" },
];

/** A parameter. One that is a reference has no members here: it is a header. */
const Parameter = z.object({
  name: z.string().default(""),
  in: z.string().default("header"),
  required: z.boolean().default(false),
  example: z.unknown().optional(),
  schema: z
    .object({
      default: z.unknown().optional(),
      enum: z.array(z.unknown()).optional(),
      const: z.unknown().optional(),
    })
    .default({}),
});
type Parameter = z.output<typeof Parameter>;

const Operation = z.object({
  summary: z.string(),
  security: z.array(z.unknown()),
  parameters: z.array(Parameter),
  requestBody: z
    .object({ content: z.record(z.string(), z.object({ examples: z.looseObject({}) })) })
    .optional(),
});

/** What the file needs of the document. */
const Document = z.object({
  paths: z.record(
    z.string(),
    z
      .looseObject({ description: z.string() })
      .transform(({ description: _description, ...methods }) =>
        z.record(z.string(), Operation).parse(methods),
      ),
  ),
  components: z.object({ examples: z.record(z.string(), z.object({ value: z.unknown() })) }),
});
type Document = z.output<typeof Document>;

const HEAD = `# Every operation, as \`npm run openapi\` writes it from the OpenAPI document. Send the requests from top
# to bottom: some need the answer of one with a name.
# A token: npm run -s token -- --scope admin
@baseUrl = http://localhost:3000
@partnerUrl = http://localhost:3000/partner
@token = PASTE_A_TOKEN
`;

/** The text of the file for a document. Throws if an operation of the document has no request. */
export function requestsFile(document: Json): string {
  const { paths, components } = Document.parse(document);
  const missing = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map((method) => `${method.toUpperCase()} ${path}`)
      .filter((key) => !STEPS.some((step) => step.key === key)),
  );
  if (missing.length > 0) throw new Error(`requests-file.ts lacks ${missing.join(", ")}`);
  return [HEAD, ...STEPS.map((step) => requestOf(step, paths, components))].join("\n");
}

function requestOf(step: Step, paths: Document["paths"], components: Document["components"]) {
  const { key, name, query = [], headers = {}, id = "", title, server = "baseUrl" } = step;
  const [method = "", path = ""] = key.split(" ");
  const operation = paths[path]?.[method.toLowerCase()];
  if (!operation) throw new Error(`the document has no ${key}`);
  const parameters = operation.parameters
    .filter((each) => each.in === "query" && (each.required || query.includes(each.name)))
    .map((each) => `${each.name}=${encodeURIComponent(String(valueOf(each)))}`);
  const search = parameters.length > 0 ? `?${parameters.join("&")}` : "";
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const [example] = Object.keys(media?.examples ?? {});
  return [
    `### ${title ?? operation.summary}`,
    ...(name === undefined ? [] : [`# @name ${name}`]),
    `${method} {{${server}}}${path.replace(/\{\w+\}/, id)}${search}`,
    ...(operation.security.length > 0 ? ["Authorization: Bearer {{token}}"] : []),
    ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    "",
    ...(example === undefined ? [] : [bodyOf(components.examples[example]?.value), ""]),
  ].join("\n");
}

const valueOf = ({ name, example, schema }: Parameter): unknown => {
  const value = example ?? schema.default ?? schema.enum?.[0] ?? schema.const;
  if (value === undefined) throw new Error(`the parameter ${name} has no example`);
  return value;
};

/** A body that names a product gets the one that an earlier request has created. */
const bodyOf = (example: unknown): string =>
  JSON.stringify(example, null, 2).replaceAll(/("productId": )"[^"]*"/g, `$1"${idOf("product")}"`);
