/** Compares HTTP responses with the `expect` of a step. */

import { isRecord } from "../json.ts";
import { ABSENT, type References, difference, firstDifference } from "./match.ts";
import type { RawResponse } from "./raw-http.ts";

/** The first difference in words; undefined if the response is as expected. */
export function responseDifference(
  expect: Readonly<Record<string, unknown>>,
  response: RawResponse,
  references: References,
): string | undefined {
  const body = response.body.toString("utf8");
  const compare = (expected: unknown, actual: unknown, name: string) =>
    difference(expected, actual, references, name);
  const compareHeaders = (expected: unknown) =>
    firstDifference(isRecord(expected) ? Object.entries(expected) : [], ([name, value]) =>
      compare(value, headerOf(response, name), `header ${name}`),
    );
  const checks: Readonly<Record<string, (expected: unknown) => string | undefined>> = {
    status: (expected) => compare(expected, response.status, "status"),
    headers: compareHeaders,
    headerJoined: compareHeaders,
    headersAbsent: (names) =>
      firstDifference(Array.isArray(names) ? names.map(String) : [], (name) =>
        compare(ABSENT, headerOf(response, name), `header ${name}`),
      ),
    rawHeaderName: (expected) =>
      firstDifference(rawNames(expected), (name) => nameDifference(name, response)),
    bodyText: (expected) => compare(expected, body, "body"),
    bodyJson: (expected) => jsonDifference(expected, body, references),
    bodyBase64: (expected) => compare(expected, response.body.toString("base64"), "body"),
    bodyPrefix: (expected) =>
      body.startsWith(String(expected))
        ? undefined
        : `body is ${JSON.stringify(body.slice(0, 200))}`,
    ended: (expected) => compare(expected, response.ended, "ended"),
    firstByteBeforeMs: (expected) => arrivalDifference(1, expected, response),
    arrived: (expected) =>
      firstDifference(Array.isArray(expected) ? (expected as Arrival[]) : [], (arrival) =>
        arrivalDifference(arrival.bytes, arrival.beforeMs, response),
      ),
  };
  return firstDifference(Object.entries(checks), ([name, check]) =>
    name in expect ? check(expect[name]) : undefined,
  );
}

interface Arrival {
  bytes: number;
  beforeMs: number;
}

function arrivalDifference(
  bytes: number,
  beforeMs: unknown,
  { arrivals = [] }: RawResponse,
): string | undefined {
  const arrival = arrivals.find((each) => each.bytes >= bytes);
  if (!arrival) return `${bytes} bytes of the body never arrived`;
  return arrival.ms < Number(beforeMs)
    ? undefined
    : `${bytes} bytes of the body arrived after ${Math.round(arrival.ms)} ms, not before ${String(beforeMs)}`;
}

/** All values of a header, joined; `ABSENT` if it was not sent. */
export function headerOf({ headers }: RawResponse, name: string): unknown {
  const values = headers.filter(([given]) => given.toLowerCase() === name.toLowerCase());
  return values.length === 0 ? ABSENT : values.map(([, value]) => value).join(", ");
}

function jsonDifference(
  expected: unknown,
  body: string,
  references: References,
): string | undefined {
  try {
    const actual: unknown = JSON.parse(body);
    // The bodies must be deeply equal, but `difference` ignores members that are not expected.
    return difference(expected, actual, references, "body") ?? extraMember(expected, actual);
  } catch {
    return `body is ${JSON.stringify(body.slice(0, 200))}, not JSON`;
  }
}

function extraMember(expected: unknown, actual: unknown): string | undefined {
  if (!isRecord(expected) || !isRecord(actual)) return undefined;
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  return extra === undefined ? undefined : `body has ${extra} too`;
}

function rawNames(expected: unknown): string[] {
  if (typeof expected === "string") return [expected];
  if (Array.isArray(expected)) return expected.map(String);
  return isRecord(expected) ? Object.values(expected).map(String) : [];
}

function nameDifference(name: string, { headers }: RawResponse): string | undefined {
  if (headers.some(([given]) => given === name)) return undefined;
  return `there is no header spelt ${name} but ${headers.map(([given]) => given).join(", ")}`;
}
