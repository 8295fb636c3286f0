/**
 * Checks the inputs of a resource against AWS's own models of the API calls that create it: required
 * members, types, enums, bounds and patterns. models.json is an extract of the models, so the check
 * needs no network and no AWS SDK.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Resource } from "../evaluate.ts";
import { type Call, type Inputs, LIMITS, mappings, withoutCall } from "./operation.ts";

interface Ref {
  shape: string;
}

/** A shape of an API model. https://smithy.io/2.0/spec/constraint-traits.html */
export interface Shape {
  type: string;
  required?: string[];
  members?: Record<string, Ref>;
  member?: Ref;
  key?: Ref;
  value?: Ref;
  enum?: readonly unknown[];
  min?: number;
  max?: number;
  pattern?: string;
}

export interface Models {
  source: string;
  services: Record<string, { operations: Record<string, string>; shapes: Record<string, Shape> }>;
}

export const models = JSON.parse(
  readFileSync(join(import.meta.dirname, "models.json"), "utf8"),
) as Models;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The pattern for a whole text. Models have Java's syntax, of which JavaScript lacks a little. */
export function patternOf(pattern: string): RegExp {
  const whole = `^(?:${pattern.replace(/^\(\?s\)/, "")})$`;
  try {
    return new RegExp(whole, "su");
  } catch {
    return new RegExp(whole, "s"); // escapes that the mode `u` refuses
  }
}

/** The faults of a resource, one text each. */
export function modelFaults({ type, name, inputs }: Resource): string[] {
  const kind = type.replace(/^aws:/, "").replace(/:.*$/, "");
  const label = `${kind} ${name}`;
  if (kind in withoutCall) return [];
  const mapping = mappings[kind];
  if (mapping === undefined) return [`${label}: no API call is known for this type`];
  const { prepare = (same: Inputs) => same, others = [], ...main } = mapping;
  const prepared = prepare(inputs);
  const left = Object.entries(main.names ?? {}).flatMap(([id, to]) => (to === null ? [id] : []));
  const faults = faultsOfCall(main, prepared);
  for (const other of others) {
    const names = Object.keys(other.names ?? {});
    const root = (path: string) => path.split(".")[0] ?? "";
    if (!names.some((path) => left.includes(root(path)) && prepared[root(path)] !== undefined)) {
      continue;
    }
    const taken = new Set(names.map(root));
    const request = Object.fromEntries(Object.entries(prepared).filter(([id]) => taken.has(id)));
    faults.push(...faultsOfCall(other, flattened(request, other)));
  }
  return faults.map((fault) => `${label}: ${fault}`);
}

/** Moves nested inputs that a call names by a path with dots to the top. */
function flattened(inputs: Inputs, { names = {} }: Call): Inputs {
  const result: Record<string, unknown> = { ...inputs };
  for (const path of Object.keys(names).filter((each) => each.includes("."))) {
    const [root = "", member = ""] = path.split(".");
    const value = inputs[root];
    if (isObject(value)) result[path] = value[member];
    delete result[root];
  }
  return result;
}

function faultsOfCall(call: Call, inputs: Inputs): string[] {
  const model = models.services[call.service];
  const shape = model?.operations[call.operation];
  if (model === undefined || shape === undefined) return [`no model of ${call.operation}`];
  const faults: string[] = [];
  const report = (path: string, text: string): void => {
    faults.push(`${call.operation} ${path} ${text}`);
  };

  /** Converts a value as it checks it; `path` is that of the input, `at` that of the request. */
  const check = (id: string, value: unknown, path: string, at: string): void => {
    const found = model.shapes[id];
    if (found === undefined) return report(path, "has no shape");
    const limited = { ...found, ...LIMITS[`${call.service}.${call.operation}${at}`] };
    if (found.type === "structure") return structure(found, value, path, at);
    if (found.type === "list") return elements(limited, value, path, at);
    if (found.type === "map") return entries(limited, value, path, at);
    return scalar(limited, value, path, report);
  };

  const structure = (found: Shape, value: unknown, path: string, at: string): void => {
    if (!isObject(value)) return report(path, "must be a structure");
    const request = renamed(found, value, path);
    for (const member of found.required ?? []) {
      if (request.get(member) === undefined) report(`${path}.${member}`, "is required");
    }
    for (const [member, each] of request) {
      const ref = found.members?.[member];
      if (ref) check(ref.shape, each, `${path}.${member}`, `${at}.${member}`);
    }
    return undefined;
  };

  /** The members of a request, by the model's names. */
  const renamed = (found: Shape, value: Inputs, path: string): Map<string, unknown> => {
    const byLower = new Map(
      Object.keys(found.members ?? {}).map((member) => [member.toLowerCase(), member]),
    );
    const request = new Map<string, unknown>();
    for (const [input, each] of Object.entries(value)) {
      if (each === undefined || each === null) continue;
      const inputPath = path === "" ? input : `${inputPathOf(path)}.${input}`;
      const name = call.names?.[inputPath];
      if (name === null) continue;
      const [first = "", ...rest] = (name ?? input).split(".");
      const member = byLower.get(first.toLowerCase());
      if (member === undefined) report(inputPath, "is not a member of the request");
      else if (rest.length === 0) request.set(member, each);
      else {
        const nested = request.get(member);
        request.set(member, { ...(isObject(nested) && nested), [rest.join(".")]: each });
      }
    }
    return request;
  };

  const elements = (found: Shape, value: unknown, path: string, at: string): void => {
    const listed = isObject(value)
      ? pairsOf(model.shapes[found.member?.shape ?? ""], value)
      : value;
    if (!Array.isArray(listed)) return report(path, "must be a list");
    bounds(found, listed.length, path, "elements", report);
    for (const each of listed) check(found.member?.shape ?? "", each, path, at);
    return undefined;
  };

  const entries = (found: Shape, value: unknown, path: string, at: string): void => {
    if (!isObject(value)) return report(path, "must be a map");
    bounds(found, Object.keys(value).length, path, "entries", report);
    for (const [key, each] of Object.entries(value)) {
      check(found.key?.shape ?? "", key, `${path} key ${key}`, at);
      check(found.value?.shape ?? "", each, `${path}.${key}`, `${at}.${key}`);
    }
    return undefined;
  };

  check(shape, inputs, "", "");
  return faults;
}

/** The path of the input for a path of the request: Pulumi's names begin with a small letter. */
const inputPathOf = (path: string): string =>
  path
    .split(".")
    .filter((part) => part !== "")
    .map((part) => part.charAt(0).toLowerCase() + part.slice(1))
    .join(".");

/** A map as the list of pairs that some APIs have instead, for example of tags or dimensions. */
function pairsOf(element: Shape | undefined, value: Inputs): unknown {
  const [key, of, ...others] = Object.keys(element?.members ?? {});
  if (key === undefined || of === undefined || others.length > 0) return value;
  return Object.entries(value).map(([name, each]) => ({ [key]: name, [of]: each }));
}

type Report = (path: string, text: string) => void;

function bounds(
  { min = 0, max = Infinity }: Shape,
  size: number,
  path: string,
  unit: string,
  report: Report,
): void {
  if (size < min || size > max) report(path, `has ${size} ${unit}, allowed are ${min} to ${max}`);
}

function scalar(shape: Shape, value: unknown, path: string, report: Report): void {
  const { type, enum: values, pattern, min = -Infinity, max = Infinity } = shape;
  const text = JSON.stringify(value);
  if (values && !values.includes(value)) return report(path, `may not be ${text}`);
  if (type === "string") {
    if (typeof value !== "string") return report(path, `must be a string, not ${text}`);
    // Lengths of a map's texts that hold numbers are bounds of the numbers.
    const isNumber = shape.min !== undefined && /^\d+$/.test(value) && /Attributes\./.test(path);
    if (isNumber) numeric(Number(value));
    else bounds(shape, value.length, path, "characters", report);
    if (pattern !== undefined && !patternOf(pattern).test(value)) {
      report(path, `${text} does not match ${pattern}`);
    }
  } else if (type === "boolean") {
    if (typeof value !== "boolean") report(path, `must be true or false, not ${text}`);
  } else if (["integer", "long", "float", "double"].includes(type)) {
    const isInteger = type === "integer" || type === "long";
    if (typeof value !== "number" || (isInteger && !Number.isInteger(value))) {
      return report(path, `must be a number, not ${text}`);
    }
    numeric(value);
  }
  return undefined;

  function numeric(number: number): void {
    if (number < min || number > max) {
      report(path, `is ${number}, allowed are ${min} to ${max}`);
    }
  }
}
