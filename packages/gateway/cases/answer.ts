import { isRecord } from "../json.ts";
import { ABSENT, type Known, difference, first } from "./match.ts";
import type { RawAnswer } from "./raw-http.ts";

/** How an HTTP answer differs from a step's `expect`, in words. */
export function answerDifference(
  expect: Readonly<Record<string, unknown>>,
  answer: RawAnswer,
  known: Known,
): string | undefined {
  const body = answer.body.toString("utf8");
  const checks: Readonly<Record<string, (expected: unknown) => string | undefined>> = {
    status: (expected) => difference(expected, answer.status, known, "status"),
    headers: (expected) => headersDifference(expected, answer, known),
    headerJoined: (expected) => headersDifference(expected, answer, known),
    headersAbsent: (names) =>
      Array.isArray(names)
        ? first(names.map(String), (name) =>
            difference(ABSENT, header(answer, name), known, `header ${name}`),
          )
        : undefined,
    rawHeaderName: (expected) => first(rawNames(expected), (name) => wireDifference(name, answer)),
    bodyText: (expected) => difference(expected, body, known, "body"),
    bodyJson: (expected) => jsonDifference(expected, body, known),
    bodyBase64: (expected) => difference(expected, answer.body.toString("base64"), known, "body"),
  };
  return first(Object.keys(checks), (name) =>
    name in expect ? checks[name]?.(expect[name]) : undefined,
  );
}

/** All values of a header, joined; `ABSENT` if it was not sent. */
export function header({ headers }: RawAnswer, name: string): unknown {
  const values = headers.filter(([given]) => given.toLowerCase() === name.toLowerCase());
  return values.length === 0 ? ABSENT : values.map(([, value]) => value).join(", ");
}

function headersDifference(expected: unknown, answer: RawAnswer, known: Known): string | undefined {
  if (!isRecord(expected)) return undefined;
  return first(Object.keys(expected), (name) =>
    difference(expected[name], header(answer, name), known, `header ${name}`),
  );
}

function jsonDifference(expected: unknown, body: string, known: Known): string | undefined {
  try {
    const actual: unknown = JSON.parse(body);
    // Deep equal, so both ways; matchers only have one.
    return difference(expected, actual, known, "body") ?? sizeDifference(expected, actual);
  } catch {
    return `body is ${JSON.stringify(body.slice(0, 200))}, not JSON`;
  }
}

function sizeDifference(expected: unknown, actual: unknown): string | undefined {
  if (!isRecord(expected) || !isRecord(actual)) return undefined;
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  return extra === undefined ? undefined : `body has ${extra} too`;
}

function rawNames(expected: unknown): string[] {
  if (typeof expected === "string") return [expected];
  if (Array.isArray(expected)) return expected.map(String);
  return isRecord(expected) ? Object.values(expected).map(String) : [];
}

function wireDifference(name: string, { headers }: RawAnswer): string | undefined {
  if (headers.some(([given]) => given === name)) return undefined;
  return `there is no header spelt ${name} but ${headers.map(([given]) => given).join(", ")}`;
}
