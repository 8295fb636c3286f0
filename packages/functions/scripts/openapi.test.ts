/**
 * The document is complete and true to the routes. `packages/functions/test/document.ts` compares
 * it with real answers. `npm run test:api` runs linters and generators over it.
 */

import { FEEDS, resources } from "@stockwire/core/catalog/index";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import committed from "../src/api/docs/openapi.json" with { type: "json" };
import {
  codesOf,
  headersOf,
  methodsOf,
  type Route,
  routeKeyOf,
  routes,
} from "../src/api/policy.ts";
import { problems } from "../src/api/problem.ts";
import { openapi } from "./openapi-document.ts";
import { answerExamples, examples } from "./openapi-example.ts";
import * as texts from "./openapi-text.ts";
import { requestsFile } from "./requests-file.ts";

type Json = Record<string, unknown>;
interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: Json;
}
interface Operation {
  operationId: string;
  description: string;
  security: Record<string, string[]>[];
  tags: string[];
  parameters: (Parameter | { $ref: string })[];
  requestBody?: { content: Record<string, Json> };
  responses: Record<string, Response>;
  servers?: Json[];
}
interface Response extends Json {
  description: string;
  headers?: Record<string, Json>;
  content?: Record<string, Json>;
}
const document = JSON.parse(JSON.stringify(openapi())) as {
  openapi: string;
  info: Json;
  tags: { name: string; description: string }[];
  paths: Record<string, { description: string } & Record<string, Operation>>;
  components: Record<string, Record<string, Json>> & {
    schemas: Record<string, Json>;
    securitySchemes: { token: { flows: { clientCredentials: { scopes: Json } } } };
  };
};

const operationOf = ({ method, path }: Route) =>
  document.paths[path]?.[method.toLowerCase()] as Operation;

/** The node that a reference points at, with the members beside the reference. */
const resolved = <T extends object>(node: T | { $ref: string }): T => {
  if (!("$ref" in node) || typeof node.$ref !== "string") return node as T;
  const { $ref, ...own } = node;
  const target = $ref
    .slice("#/".length)
    .split("/")
    .reduce<unknown>((from, step) => (from as Json)[step], document);
  return { ...resolved(target as T), ...own };
};
const parametersOf = (route: Route) =>
  operationOf(route).parameters.map((each) => resolved<Parameter>(each));

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "doc", components: document.components });
const validatorOf = (id: string) => ajv.compile({ $ref: `doc#/components/schemas/${id}` });

describe("the OpenAPI document", () => {
  test("equals the committed one; if not, run npm run openapi", () => {
    expect(committed).toEqual(document);
  });

  test("docs/requests.http is made from it; if not, run npm run openapi", () => {
    const file = new URL("../../../docs/requests.http", import.meta.url);
    expect(readFileSync(file, "utf8")).toBe(requestsFile(openapi()));
  });

  test.each(routes)("$method $path has an example of its body and of its answers", (route) => {
    const { requestBody, responses } = operationOf(route);
    const contents = [
      ...Object.values(requestBody?.content ?? {}),
      ...Object.keys(route.answers).flatMap((status) =>
        Object.values(responses[status]?.content ?? {}).slice(-1),
      ),
    ];
    for (const { example, examples: named = {} } of contents) {
      const [shown] = Object.values(named as Record<string, Json>).map(resolved<Json>);
      expect(example ?? shown?.["value"]).toBeDefined();
    }
    expect(requestBody !== undefined).toBe(route.body !== undefined);
  });

  test("is OpenAPI 3.1 with a title and a version", () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({
      title: "Stockwire",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });

  test("has exactly the routes of the policy, each with an id of its own", () => {
    const operations = Object.entries(document.paths).flatMap(
      ([path, { description: _description, ...methods }]) =>
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

  test("says which routes partners have, and that they need an API key besides the token", () => {
    for (const route of routes) {
      const { method, path, partner, access, events } = route;
      const { servers, security } = operationOf(route);
      const onPartnerApi = JSON.stringify(servers ?? []).includes('"/partner"');
      expect([method, path, onPartnerApi]).toEqual([method, path, partner !== "none"]);
      const needsKey = JSON.stringify(security ?? []).includes("apiKey");
      const isMetered = partner === "metered" && access !== "open" && events !== true;
      expect([method, path, needsKey]).toEqual([method, path, isMetered]);
    }
    expect(JSON.stringify(document)).toContain('"name":"x-api-key"');
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

  test.each(routes)("$method $path has exactly its parameters", (route) => {
    const of = (place: string) => parametersOf(route).filter((each) => each.in === place);
    expect(of("path").map(({ name, required }) => [name, required])).toEqual(
      [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
    );
    const shape: Readonly<Record<string, z.ZodType>> = route.query?.shape ?? {};
    expect(of("query").map(({ name, required = false }) => [name, required])).toEqual(
      Object.entries(shape).map(([name, schema]) => [name, !schema.safeParse(undefined).success]),
    );
    for (const { name, schema } of of("query")) {
      const absent = shape[name]?.safeParse(undefined).data;
      expect([name, schema["default"]]).toEqual([name, absent]);
      if (name === "limit") expect(schema).toMatchObject({ minimum: 1, maximum: 100 });
    }
    const isOfRecord = route.path.includes("{") && route.method !== "GET";
    const conditional = 304 in route.answers || isOfRecord;
    expect(of("header").map(({ name }) => name)).toEqual([
      ...(route.events ? ["Last-Event-ID"] : []),
      ...(route.writes ? ["Idempotency-Key", "X-Client-Ref"] : []),
      ...(isOfRecord ? ["If-Match"] : []),
      ...(conditional ? ["If-None-Match"] : []),
      "X-Request-Id",
    ]);
  });

  test("says that GET /changes needs a topic, and that a ticket takes no key", () => {
    const route = (key: string) => routes.find((each) => routeKeyOf(each) === key) as Route;
    const names = (key: string, required: boolean) =>
      parametersOf(route(key)).flatMap((each) => (each.required === required ? [each.name] : []));
    expect(names("GET /changes", true)).toEqual(["topic"]);
    expect(parametersOf(route("POST /live/tickets")).map(({ name }) => name)).toEqual([
      "X-Request-Id",
    ]);
  });

  test.each(routes)("$method $path has exactly its statuses, codes and headers", (route) => {
    const { responses } = operationOf(route);
    const codes = codesOf(route);
    const statuses = [
      ...Object.keys(route.answers),
      ...codes.map((code) => String(problems[code].status)),
      "429", // of the gateway
    ];
    expect(Object.keys(responses).toSorted()).toEqual([...new Set(statuses)].toSorted());
    for (const code of codes) {
      const { status } = problems[code];
      if (status in route.answers) continue;
      expect(responses[status]?.description.split(", ")).toContain(code);
    }
    for (const [status, response] of Object.entries(responses)) {
      const { headers = {} } = resolved(response);
      const { always, sometimes } = headersOf(route, Number(status));
      if (status === "429") continue;
      expect(Object.keys(headers)).toEqual(expect.arrayContaining([...always, ...sometimes]));
      if (Number(status) >= 400) continue;
      expect(Object.keys(headers)).toHaveLength(always.length + sometimes.length);
      for (const name of always)
        expect(resolved<Json>(headers[name] ?? {})).toMatchObject({ required: true });
    }
  });

  test.each(FEEDS)(
    "an unknown or impossible id of %s is documented wherever one is taken",
    (feed) => {
      const ofRecord = routes.filter(({ path }) => path.startsWith(`/${feed}/{`));
      expect(ofRecord.length).toBeGreaterThan(2);
      for (const route of ofRecord) {
        const { responses } = operationOf(route);
        expect(responses["404"]?.description.split(", ")).toContain(
          resources[feed].records.notFound,
        );
        expect(responses["400"]?.description.split(", ")).toContain("invalid_id");
      }
    },
  );

  test.each(routes)("$method $path says which scopes it needs", (route) => {
    const { security } = operationOf(route);
    if (route.access === "open") return expect(security).toEqual([]);
    const scopes = [route.access, route.alsoNeeds].filter((each) => each && each !== "token");
    const withKey = route.partner === "metered" && route.events !== true;
    expect(security).toEqual([
      { token: scopes },
      ...(withKey ? [{ token: scopes, apiKey: [] }] : []),
    ]);
    const defined = document.components.securitySchemes.token.flows.clientCredentials.scopes;
    for (const scope of scopes) expect(defined).toHaveProperty(String(scope));
  });

  test("describes every section, path, operation, parameter, answer, schema and member", () => {
    const undescribed: string[] = [];
    const check = (where: string, description: unknown) => {
      if (typeof description !== "string" || !/^[^ ].*\S$/s.test(description))
        undescribed.push(where);
    };
    check("info", document.info["description"]);
    for (const { name, description } of document.tags) check(name, description);
    for (const [path, { description }] of Object.entries(document.paths)) {
      check(path, description);
      expect(description).toContain(`\`Allow: ${methodsOf(path).join(", ")}\``);
    }
    for (const route of routes) {
      const key = routeKeyOf(route);
      check(key, operationOf(route).description);
      for (const { name, description } of parametersOf(route)) check(`${key} ${name}`, description);
      for (const [status, response] of Object.entries(operationOf(route).responses)) {
        check(`${key} ${status}`, resolved(response)["description"]);
      }
    }
    const visit = (where: string, node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      const { properties = {} } = node as { properties?: Record<string, Json> };
      for (const [name, member] of Object.entries(properties)) {
        check(`${where}.${name}`, member["description"]);
      }
      for (const [key, inner] of Object.entries(node)) if (key !== "examples") visit(where, inner);
    };
    for (const [id, schema] of Object.entries(document.components.schemas)) {
      check(id, schema["description"]);
      visit(id, schema);
    }
    expect(undescribed).toEqual([]);
  });

  test("has no text or example that belongs to nothing", () => {
    const { schemas } = document.components;
    expect(Object.keys(texts.schemas).toSorted()).toEqual(Object.keys(schemas).toSorted());
    expect(Object.keys(examples).toSorted()).toEqual(Object.keys(schemas).toSorted());
    const keys = routes.map(routeKeyOf);
    for (const key of Object.keys(answerExamples)) expect(keys).toContain(key);
    expect(Object.keys(texts.operations).toSorted()).toEqual(routes.map(routeKeyOf).toSorted());
    expect(Object.keys(texts.tags).toSorted()).toEqual(
      document.tags.map(({ name }) => name).toSorted(),
    );
    const json = JSON.stringify(document);
    for (const text of [
      ...Object.values(texts.members),
      ...Object.values(texts.parameters).map(({ description }) => description),
    ]) {
      expect(json).toContain(JSON.stringify(text));
    }
  });

  test("uses every component", () => {
    const json = JSON.stringify(document);
    for (const [kind, components] of Object.entries(document.components)) {
      if (kind === "securitySchemes") continue;
      for (const name of Object.keys(components)) {
        expect([kind, name, json.includes(`"#/components/${kind}/${name}"`)]).toEqual([
          kind,
          name,
          true,
        ]);
      }
    }
  });

  test("has examples that its schemas and the validators accept", () => {
    for (const [id, schema] of Object.entries(document.components.schemas)) {
      const [example] = schema["examples"] as unknown[];
      const validate = validatorOf(id);
      expect([id, validate(example), validate.errors]).toEqual([id, true, null]);
    }
    for (const route of routes) {
      for (const schema of [route.body, ...Object.values(route.answers)]) {
        const { id = "" } = (schema && z.globalRegistry.get(schema)) ?? {};
        if (examples[id] === undefined) continue;
        expect([id, schema?.safeParse(examples[id]).error]).toEqual([id, undefined]);
      }
      for (const { name, schema, example } of parametersOf(route)) {
        if (example === undefined) continue;
        const validate = ajv.compile(schema);
        expect([name, validate(example), validate.errors]).toEqual([name, true, null]);
      }
    }
  });

  test("has JSON Schemas that accept and refuse the same users as the validators", () => {
    const validate = validatorOf("UserRequest");
    expect(validate({ name: "John", email: "john@example.com", age: 30 })).toBe(true);
    for (const bad of [
      {},
      { name: "John" },
      { name: "J", email: "a@b.co" },
      { name: "  ", email: "a@b.co" },
      { name: " J", email: "a@b.co" },
      { name: "a\u202eb", email: "a@b.co" },
      { name: "John", email: "nope" },
      { name: "John", email: "a@b.co", x: 1 },
      { name: "John", email: "a@b.co", age: 17 },
    ]) {
      expect(validate(bad)).toBe(false);
    }
    for (const id of Object.keys(document.components.schemas)) {
      expect(() => validatorOf(id)).not.toThrow();
    }
  });
});
