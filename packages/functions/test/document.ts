/** Compares requests and answers with the OpenAPI document that the app serves. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";
import committed from "../src/api/docs/openapi.json" with { type: "json" };

type Json = Record<string, unknown>;
interface Header {
  required?: boolean;
}
interface Response {
  headers?: Record<string, Header & { $ref?: string }>;
  content?: Record<string, { schema: Json }>;
}
interface Operation {
  requestBody?: unknown;
  responses: Record<string, Response & { $ref?: string }>;
}

const document = committed as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { headers: Record<string, Header> };
};

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ ...document, $id: "openapi" });
const validators = new Map<string, ValidateFunction>();

/** Validates with the schema at a JSON pointer of the document. */
function faultsAt(pointer: readonly string[], value: unknown): unknown {
  const path = pointer
    .map((step) => step.replaceAll("~", "~0").replaceAll("/", "~1"))
    .map(encodeURIComponent)
    .join("/");
  let validate = validators.get(path);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `openapi#/${path}` });
    validators.set(path, validate);
  }
  return validate(value) ? undefined : validate.errors;
}

const at = (pointer: readonly string[]) =>
  pointer.reduce<unknown>((node, step) => (node as Json)[step], document);

/** Returns the pointer of a node after its reference. */
function resolved(pointer: readonly string[]): readonly string[] {
  const { $ref } = at(pointer) as { $ref?: string };
  return $ref === undefined ? pointer : resolved($ref.slice("#/".length).split("/"));
}

/** Headers that every answer has, that CORS adds, or that belong to the message itself. */
const COMMON =
  /^(?:x-content-type-options|cache-control|strict-transport-security|access-control-.+|vary|content-type|content-length|date|connection|keep-alive|transfer-encoding|apigw-requestid|x-amz-apigw-id|x-amzn-requestid|x-amzn-trace-id|x-amzn-errortype)$/;

export interface Exchange {
  method: string;
  pattern: string; // of the path, as the document has it
  /** The value of a JSON body; undefined for any other. */
  body: unknown;
  status: number;
  headers: Headers;
  /** The body of the answer: parsed if it is JSON. */
  answer: unknown;
}

/**
 * Fails if the document does not have the status, a header or the body of an answer, if the answer
 * lacks a required header, or if a body was refused that the document calls valid.
 */
export function expectInDocument(exchange: Exchange): void {
  const { method, pattern, status, headers, answer } = exchange;
  const operation = ["paths", pattern, method.toLowerCase()];
  const where = `${method} ${pattern} answered ${status}`;
  const { responses } = at(operation) as Operation;
  expect(Object.keys(responses), where).toContain(String(status));
  const response = resolved([...operation, "responses", String(status)]);
  const documented = at(response) as Response;

  const known = Object.entries(documented.headers ?? {}).map(([name]) => {
    const { required = false } = at(resolved([...response, "headers", name])) as Header;
    return { name: name.toLowerCase(), required };
  });
  const sent = [...headers.keys()].filter((name) => !COMMON.test(name));
  expect(
    known.map(({ name }) => name),
    `${where} with headers`,
  ).toEqual(expect.arrayContaining(sent));
  const required = known.flatMap((each) => (each.required ? [each.name] : []));
  expect(sent, `${where} with headers`).toEqual(expect.arrayContaining(required));

  const type = headers.get("content-type")?.split(";")[0];
  const types = Object.keys(documented.content ?? {});
  if (types.length === 0) expect(answer, where).toBe("");
  else {
    expect(types, where).toContain(type);
    const schema = [...response, "content", type ?? "", "schema"];
    expect(faultsAt(schema, answer), `${where} with a body`).toBeUndefined();
  }
  if (status === 400) expectInvalid(exchange, operation, where);
}

/** Rules that a JSON Schema cannot have. `invalid_request` is of the text: inexact numbers, depth. */
const BEYOND_SCHEMA = /^(?:invalid_request|required|too_precise|too_deep|duplicate)$/;

function expectInvalid({ body, answer }: Exchange, operation: readonly string[], where: string) {
  const { code, errors = [] } = answer as {
    code?: string;
    errors?: { code: string; pointer?: string }[];
  };
  const [fault] = errors;
  if (code !== "invalid_request" || body === undefined || fault === undefined) return;
  const beyond = errors.every(
    (each) =>
      BEYOND_SCHEMA.test(each.code) ||
      each.pointer?.endsWith("/currency") || // the codes of ISO 4217
      (each.pointer === "/items" && each.code === "too_big"), // 25 entries if `atomic`
  );
  if (beyond) return;
  const schema = [...operation, "requestBody", "content", "application/json", "schema"];
  expect(faultsAt(schema, body), `${where} to a valid body`).toBeDefined();
}
