/** Compares answers with what the route that gave them documents. */

import { codesOf, routes } from "@stockwire/functions/api/policy";
import { problems } from "@stockwire/functions/api/problem";
import { expect } from "vitest";
import type { Answer, Request } from "./drivers.ts";

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

/**
 * Fails if a route of the app answers a status, a code or a body that its description does not
 * have. Answers of a gateway, and requests that no route takes, are not the route's.
 */
export function expectDocumented(request: Request, answer: Answer): void {
  const [path = ""] = request.path.split(/[?#]/);
  const found = patterns.find(
    ({ route, pattern }) => route.method === request.method && pattern.test(path),
  );
  if (found === undefined) return;
  const { route } = found;
  const where = `${route.method} ${route.path} answered ${answer.status}`;
  if (answer.status < 400 || answer.status in route.answers) {
    expect(Object.keys(route.answers), where).toContain(String(answer.status));
    const schema = route.answers[answer.status];
    if (schema === null) return expect(answer.text, where).toBe("");
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
    const body: unknown = isJson ? answer.json : answer.text;
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
