/**
 * The format of case files such as gateway-cases.json. A case describes one or more APIs and the steps
 * of a client; its strings may refer to the token issuer of the runner.
 */

import { isRecord } from "../json.ts";
import type { CaseIssuer } from "./issuer.ts";

/** One case. */
export interface Case {
  id: string;
  /** The kind of API: `http`, `ws`, `mgmt` or `rest`. */
  api: string;
  title: string;
  config: Readonly<Record<string, unknown>>;
  steps: readonly Readonly<Record<string, unknown>>[];
}

/** The body of a step's request. */
export interface BodyNotation {
  body?: string | null;
  bodyBase64?: string;
  bodyRepeat?: { char: string; count: number };
}

/** The request of a step. */
export interface RequestNotation extends BodyNotation {
  method: string;
  target: string;
  headers?: [string, string][];
}

/** A configuration whose handler is written in the notation of `createHandlers`. */
export type WithNotation<Config extends { handler?: unknown }> = Omit<Config, "handler"> & {
  handler: string;
};

/** A case uses something of the format that this runner does not know. Such a case is not run. */
export class NotRun extends Error {}

/** What kinds of steps exist, each with the members that it reads besides `do`. */
export type StepMembers = Readonly<Record<string, readonly string[]>>;

/** Throws `NotRun` for a step or a member that is not known, before any step has run. */
export function checkSteps(steps: Case["steps"], known: StepMembers): void {
  for (const [at, { do: kind, ...members }] of steps.entries()) {
    const read = typeof kind === "string" && Object.hasOwn(known, kind) ? known[kind] : undefined;
    if (!read) throw new NotRun(`step ${at + 1}: ${JSON.stringify(kind)} is not a known step`);
    const other = Object.keys(members).find((name) => !read.includes(name));
    if (other !== undefined) throw new NotRun(`step ${at + 1}: ${String(kind)} knows no ${other}`);
  }
}

/** The clock of a case: the time of day, and what `advanceClock` has added. */
export interface CaseClock {
  now(): number; // epoch milliseconds
  /** Runs the step `advanceClock`, which has `ms` or `seconds`. */
  advance(step: { ms?: number; seconds?: number }): void;
}

/** Creates the clock of one case. */
export function createClock(): CaseClock {
  let ahead = 0; // milliseconds
  return {
    now: () => Date.now() + ahead,
    advance({ ms = 0, seconds = 0 }) {
      ahead += ms + seconds * 1000;
    },
  };
}

/**
 * Runs one case. Resolves to undefined if it passes, else to what differs. Rejects with `NotRun` if
 * the case uses what this runner does not know.
 */
export type CaseRunner = (
  testCase: Case,
  issuer: CaseIssuer,
  warn: (text: string) => void,
) => Promise<string | undefined>;

/** Parses a case file. Throws if the text is not one. */
export function parseCases(text: string): Case[] {
  const file: unknown = JSON.parse(text);
  if (!isRecord(file) || !Array.isArray(file["cases"])) throw new Error('there is no list "cases"');
  return file["cases"].map((entry: unknown, at) => {
    if (!isCase(entry)) throw new Error(`cases[${at}] has no id, api, title, config or steps`);
    return entry;
  });
}

/**
 * Copies a part of a case with its placeholders replaced: `${ISSUER}` by the issuer's URL,
 * `{"token":…}` by a signed token, `{"concat":[…]}` by the joined strings.
 */
export function resolvePlaceholders(part: unknown, issuer: CaseIssuer): unknown {
  // A reviver sees inner values first, so a token can be part of a `concat`.
  return JSON.parse(JSON.stringify(part), (_, value: unknown) => {
    if (typeof value === "string") return value.replaceAll("${ISSUER}", issuer.url);
    if (!isRecord(value)) return value;
    if (Array.isArray(value["concat"])) return value["concat"].join("");
    return isRecord(value["token"]) ? issuer.token(value["token"]) : value;
  });
}

/** The bytes of a body; undefined if the step has none. */
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
