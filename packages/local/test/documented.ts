/** Compares answers with what the route that gave them documents, and with the OpenAPI document. */

import { codesOf, COMMON_HEADERS, headersOf, routes } from "@stockwire/functions/api/policy";
import { problems } from "@stockwire/functions/api/problem";
import { expect } from "vitest";
import { expectInDocument } from "../../functions/test/document.ts";
import type { Answer, Request } from "./drivers.ts";

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

/**
 * Fails if a route of the app answers a status, a code, a header or a body that its description or
 * the OpenAPI document does not have, or lacks a header that is always sent. Requests that no route
 * takes are not compared.
 */
export function expectDocumented(request: Request, answer: Answer): void {
  const [path = ""] = request.path.split(/[?#]/);
  const found = patterns.find(
    ({ route, pattern }) => route.method === request.method && pattern.test(path),
  );
  if (found === undefined) return;
  const { route } = found;
  expectInDocument({
    method: route.method,
    pattern: route.path,
    body: valueOf(request.body),
    status: answer.status,
    headers: answer.headers,
    answer: isJson(answer) ? answer.json : answer.text,
  });
  expectHeaders(route, answer);
  const where = `${route.method} ${route.path} answered ${answer.status}`;
  if (answer.status < 400 || answer.status in route.answers) {
    expect(Object.keys(route.answers), where).toContain(String(answer.status));
    const schema = route.answers[answer.status];
    if (schema === null) return expect(answer.text, where).toBe("");
    const body: unknown = isJson(answer) ? answer.json : answer.text;
    const parsed = schema?.safeParse(body);
    expect(parsed?.error?.issues, where).toBeUndefined();
    // Schemas drop the members that they do not know.
    return expect(parsed?.data, `${where} with undocumented members`).toEqual(body);
  }
  const { code } = (answer.json ?? {}) as { code?: keyof typeof problems };
  if (code === undefined) return; // a gateway's own words
  expect(codesOf(route), where).toContain(code);
  expect(answer.status, where).toBe(problems[code].status);
}

/** A REST API says JSON of answers without a body, too. */
const isJson = ({ headers, text }: Answer): boolean =>
  text !== "" && /^application\/(?:problem\+)?json/.test(headers.get("content-type") ?? "");

/** The value of a body that is sent; undefined if it is not JSON. */
function valueOf(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/** Every header that is always sent is there. The gateway's own answers have none of the app's. */
function expectHeaders(route: (typeof routes)[number], { status, headers, json }: Answer): void {
  const code = (json as { code?: string } | undefined)?.code;
  if (status >= 400 && code === undefined && !(status in route.answers)) return;
  const common = COMMON_HEADERS.filter((name) => name !== "Strict-Transport-Security");
  for (const name of [...headersOf(route, status).always, ...common]) {
    expect([`${route.method} ${route.path}`, status, name, headers.has(name)]).toEqual([
      `${route.method} ${route.path}`,
      status,
      name,
      true,
    ]);
  }
}
