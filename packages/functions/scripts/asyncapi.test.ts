/** The document is complete. `npm run test:api` runs linters over it. */

import specification from "@asyncapi/specs/schemas/3.1.0.json" with { type: "json" };
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import committed from "../src/api/docs/asyncapi.json" with { type: "json" };
import { ACTIONS, ERROR_CODES, ServerFrame } from "@stockwire/core/live/protocol";
import { asyncapi } from "./asyncapi-document.ts";

interface Ref {
  $ref: string;
}
type Json = Record<string, unknown>;

const document = JSON.parse(JSON.stringify(asyncapi())) as {
  info: Json;
  channels: { live: { messages: Record<string, Ref> } };
  operations: Record<
    string,
    {
      action: "send" | "receive";
      description?: string;
      messages: Ref[];
      reply?: { messages: Ref[] };
    }
  >;
  components: {
    schemas: Record<string, Json>;
    messages: Record<string, { name: string; description?: string; examples: unknown[] }>;
  };
};
const { messages } = document.components;
const TYPES = ServerFrame.unwrap().options.map(({ shape }) => shape.type.value);

const namesOf = (side: string) =>
  Object.entries(messages).flatMap(([id, { name }]) => (id.startsWith(side) ? [name] : []));
const idOf = ({ $ref }: Ref) => $ref.split("/").at(-1) ?? "";

describe("the AsyncAPI document", () => {
  test("equals the committed one; if not, run npm run asyncapi", () => {
    expect(committed).toEqual(document);
  });

  test("is valid AsyncAPI 3.1", () => {
    const ajv = new Ajv({
      strict: false,
      validateFormats: false,
      meta: false,
      validateSchema: false,
    });
    ajv.validate(specification, document);
    expect(ajv.errors).toBeNull();
    expect(ajv.validate(specification, { ...document, channels: { live: 1 } })).toBe(false);
    expect(document.info).toMatchObject({ version: packageJson.version });
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

  test("has each frame once, in the channel, and the schema that frames share once", () => {
    expect(namesOf("Client")).toEqual(ACTIONS);
    expect(namesOf("Server")).toEqual(TYPES);
    expect(Object.keys(document.channels.live.messages)).toEqual(Object.keys(messages));
    expect(Object.keys(document.components.schemas).toSorted()).toEqual(
      ["Change", ...Object.keys(messages)].toSorted(),
    );
    expect(document.components.schemas["ServerEvents"]).toMatchObject({
      properties: { events: { items: { $ref: "#/components/schemas/Change" } } },
    });
  });

  test("has an operation for each client frame; each server frame is a reply or is sent", () => {
    const operations = Object.values(document.operations);
    const received = operations.filter(({ action }) => action === "receive");
    expect(received.flatMap((operation) => operation.messages.map(idOf))).toEqual(
      Object.keys(messages).filter((id) => id.startsWith("Client")),
    );
    const sent = operations.flatMap((operation) =>
      operation.action === "send" ? operation.messages : (operation.reply?.messages ?? []),
    );
    expect([...new Set(sent.map(idOf))].toSorted()).toEqual(
      Object.keys(messages)
        .filter((id) => id.startsWith("Server"))
        .toSorted(),
    );
  });

  test("describes each operation and each member of each frame", () => {
    const undescribed: string[] = [];
    const visit = (where: string, node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      const { properties = {} } = node as { properties?: Record<string, Json> };
      for (const [name, member] of Object.entries(properties)) {
        if (!member["description"]) undescribed.push(`${where}.${name}`);
      }
      for (const inner of Object.values(node)) visit(where, inner);
    };
    for (const [id, schema] of Object.entries(document.components.schemas)) visit(id, schema);
    for (const [id, { description }] of Object.entries(document.operations)) {
      if (!description) undescribed.push(id);
    }
    expect(undescribed).toEqual([]);
  });

  test("explains each error code", () => {
    for (const code of ERROR_CODES) {
      expect(messages["ServerError"]?.description).toMatch(
        new RegExp(`^- \`${code}\`: [A-Z\`].+\\.$`, "m"),
      );
    }
  });
});
