import { isRecord } from "../json.ts";
import type { CaseIssuer } from "./issuer.ts";

/** One case of a file in the format of gateway-cases.json. */
export interface Case {
  id: string;
  api: string;
  title: string;
  config: Readonly<Record<string, unknown>>;
  steps: readonly Readonly<Record<string, unknown>>[];
}

/** A body as a step notes it. */
export interface BodyNotation {
  body?: string | null;
  bodyBase64?: string;
  bodyRepeat?: { char: string; count: number };
}

/** A request as a step notes it. */
export interface RequestNotation extends BodyNotation {
  method: string;
  target: string;
  headers?: [string, string][];
}

/** Runs one case: undefined if all was as expected, else what differed. */
export type CaseRunner = (
  wanted: Case,
  issuer: CaseIssuer,
  warn: (text: string) => void,
) => Promise<string | undefined>;

/** Reads a file of cases; throws if it is none. */
export function parseCases(text: string): Case[] {
  const file: unknown = JSON.parse(text);
  if (!isRecord(file) || !Array.isArray(file["cases"])) throw new Error('there is no list "cases"');
  return file["cases"].map((entry: unknown, at) => {
    if (!isCase(entry)) throw new Error(`cases[${at}] has no id, api, title, config or steps`);
    return entry;
  });
}

/**
 * A reviver for `JSON.parse`, which works from the inside out: puts in the issuer's address, makes the
 * tokens, joins what is to be joined.
 */
export function resolver(issuer: CaseIssuer): (key: string, value: unknown) => unknown {
  return (_, value) => {
    if (typeof value === "string") return value.replaceAll("${ISSUER}", issuer.url);
    if (!isRecord(value)) return value;
    if (Array.isArray(value["concat"])) return value["concat"].join("");
    return isRecord(value["token"]) ? issuer.token(value["token"]) : value;
  };
}

/** The bytes that a step sends as a body. */
export function bodyOf({ body, bodyBase64, bodyRepeat }: BodyNotation): Buffer | undefined {
  if (bodyRepeat) return Buffer.alloc(bodyRepeat.count, bodyRepeat.char);
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, "base64");
  return typeof body === "string" ? Buffer.from(body) : undefined;
}

function isCase(value: unknown): value is Case {
  return (
    isRecord(value) &&
    ["id", "api", "title"].every((name) => typeof value[name] === "string") &&
    isRecord(value["config"]) &&
    Array.isArray(value["steps"]) &&
    value["steps"].every(isRecord)
  );
}
