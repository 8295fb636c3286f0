/** Checks frames against the AsyncAPI document that the app serves. */

import { Ajv, type ValidateFunction } from "ajv";
import { expect } from "vitest";
import document from "../src/api/docs/asyncapi.json" with { type: "json" };

interface Message {
  name: string;
  examples: { payload: Record<string, unknown> }[];
}

const { schemas } = document.components;
const messages: Record<string, Message> = document.components.messages;

type Side = "Client" | "Server";

/** The example that the document gives of each frame, by the frame's name. */
export const examplesOf = (side: Side): Map<string, Record<string, unknown>> =>
  new Map(
    Object.entries(messages).flatMap(([id, { name, examples }]) =>
      id.startsWith(side) && examples[0] ? [[name, examples[0].payload]] : [],
    ),
  );

/** Closes all objects. Clients ignore unknown members; in a test they are missing from the document. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  return copy["type"] === "object" && "properties" in copy
    ? { additionalProperties: false, ...copy }
    : copy;
}

// The format is not checked: each date-time has a pattern as well.
const ajv = new Ajv({ allErrors: true, formats: { "date-time": true } });
ajv.addSchema({ $id: "doc", components: { schemas: closed(schemas) } });
ajv.addKeyword("components");

const validators = (side: Side): ReadonlyMap<unknown, ValidateFunction> =>
  new Map(
    Object.entries(messages).flatMap(([id, { name }]) =>
      id.startsWith(side)
        ? [[name, ajv.compile({ $ref: `doc#/components/schemas/${id}` })] as const]
        : [],
    ),
  );

const byType = validators("Server");
const byAction = validators("Client");

function fault(by: typeof byType, discriminator: string, frame: unknown): string | undefined {
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return "not an object";
  const name = (frame as Record<string, unknown>)[discriminator];
  const validate = by.get(name);
  if (validate === undefined) return `unknown ${discriminator} ${JSON.stringify(name)}`;
  if (validate(frame)) return undefined;
  return ajv.errorsText(validate.errors, { dataVar: String(name) });
}

/** The error in a server frame, unknown members included; undefined if it is valid. */
export const frameFault = (frame: unknown) => fault(byType, "type", frame);

/** The error in a client frame. */
export const clientFrameFault = (frame: unknown) => fault(byAction, "action", frame);

export const expectFrame = (frame: unknown): void => expectNone(frameFault(frame), frame);

export const expectClientFrame = (frame: unknown): void =>
  expectNone(clientFrameFault(frame), frame);

const expectNone = (found: string | undefined, frame: unknown) =>
  expect(found, `${found}: ${JSON.stringify(frame)?.slice(0, 1_000)}`).toBeUndefined();
