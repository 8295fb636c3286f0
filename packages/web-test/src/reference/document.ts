/** The parts of an OpenAPI 3.1 document that the page reads. The document is loaded once. */

interface Ref {
  $ref?: string;
}
type Literal = string | number | boolean | null;

export interface Schema extends Ref {
  type?: string | readonly string[];
  format?: string;
  description?: string;
  const?: Literal;
  enum?: readonly Literal[];
  default?: unknown;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  examples?: readonly unknown[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  example?: Literal;
  schema: Schema;
}

type Content = Readonly<Record<string, { schema?: Schema }>>;

export interface ResponseObject {
  description: string;
  headers?: Readonly<Record<string, unknown>>;
  content?: Content;
}

interface OperationObject {
  operationId: string;
  summary: string;
  description?: string;
  tags: readonly [string];
  security?: readonly Readonly<Record<string, readonly string[]>>[];
  parameters?: readonly (Parameter & Ref)[];
  requestBody?: { content: Content };
  responses: Readonly<Record<string, ResponseObject & Ref>>;
}

interface Document {
  info: { summary: string; description?: string; version: string };
  tags: readonly { name: string; description?: string }[];
  paths: Readonly<Record<string, Readonly<Record<string, OperationObject | string>>>>;
  components: { schemas: Readonly<Record<string, Schema>> };
}

let api: Document;

export async function loadDocument(): Promise<Document> {
  api = (await (await fetch("openapi.json")).json()) as Document;
  return api;
}

/** The node that `$ref` points at, overlaid with the members beside the `$ref`. */
export function resolve<T extends object>(node: T & Ref): T {
  const { $ref, ...own } = node;
  if ($ref === undefined) return node;
  const target = $ref
    .slice("#/".length)
    .split("/")
    .reduce<unknown>((from, step) => (from as Record<string, unknown>)[step], api);
  return { ...resolve(target as T), ...own };
}

export const isProblemCode = (text: string): boolean =>
  api.components.schemas["Problem"]?.properties?.["code"]?.enum?.includes(text) ?? false;

/** One method of one path. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string | undefined;
  parameters: readonly Parameter[];
  body: { type: string; schema: Schema } | undefined;
  /** Of a batch route: the schema of one entry. */
  entry: Schema | undefined;
  responses: OperationObject["responses"];
  /** `""` if any valid token will do; undefined if the route needs no token. */
  scope: string | undefined;
}

const bodyOf = ({ requestBody }: OperationObject): Operation["body"] => {
  const [type, { schema = {} } = {}] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return type === undefined ? undefined : { type, schema };
};

/** A path has its own description beside its methods. */
const isOperation = (
  entry: [string, OperationObject | string],
): entry is [string, OperationObject] => typeof entry[1] === "object";

export function operationsOf({ paths }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(isOperation)
      .map(([method, own]) => {
        const single = path.endsWith("/batch") && paths[path.slice(0, -"/batch".length)]?.["post"];
        const [requirement] = own.security ?? [];
        return {
          id: own.operationId,
          method: method.toUpperCase(),
          path,
          tag: own.tags[0],
          summary: own.summary,
          description: own.description,
          parameters: (own.parameters ?? []).map(resolve),
          body: bodyOf(own),
          entry: typeof single === "object" ? bodyOf(single)?.schema : undefined,
          responses: own.responses,
          scope: requirement && Object.values(requirement).flat().join(" "),
        };
      }),
  );
}
