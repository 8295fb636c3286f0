/** docs/requests.http on a laptop: each operation's example succeeds, and its answer is as documented. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routeKeyOf, routes } from "@stockwire/functions/api/policy";
import { expectInDocument } from "../../functions/test/document.ts";
import { onOwnEngine, type RunningLaptop, startLaptop } from "./laptop.ts";
import { type FileRequest, readRequests, replaced } from "./request-file.ts";

const file = join(import.meta.dirname, "../../../docs/requests.http");
const { requests, variables } = readRequests(readFileSync(file, "utf8"));

/** The pattern of a request's path: `{{baseUrl}}/users/{{…}}?limit=20` → `/users/{id}`. */
const patternOf = ({ url }: FileRequest) => {
  const [path = ""] = url.replace(/^\{\{\w+\}\}/, "").split("?");
  const parameter = path.startsWith("/inventory") ? "{productId}" : "{id}";
  return path.replaceAll(/\{\{[^}]+\}\}/g, parameter);
};

const SUCCESS = [200, 201, 204];

let laptop: RunningLaptop;
beforeAll(async () => {
  // An engine of its own: the examples have fixed addresses and numbers.
  laptop = await startLaptop({ env: onOwnEngine });
  variables.set("baseUrl", laptop.url);
  variables.set("partnerUrl", `${laptop.url}/partner`);
  variables.set("token", laptop.token({ sub: "reader", scope: "admin" }));
});
afterAll(() => laptop.close());

test("the file has a request for every operation", () => {
  const sent = new Set(requests.map((request) => `${request.method} ${patternOf(request)}`));
  expect([...sent].toSorted()).toEqual(routes.map(routeKeyOf).toSorted());
});

// Twice, because a reader sends the file more than once.
test.each(["first", "second"])("every request succeeds the %s time", async () => {
  const answers = new Map<string, unknown>();
  for (const request of requests) {
    const { method, title, name, headers, body } = request;
    const fill = (text: string) => replaced(text, variables, answers);
    const leaving = new AbortController();
    const response = await fetch(fill(request.url), {
      method,
      headers: Object.fromEntries(
        Object.entries(headers).map(([header, value]) => [header, fill(value)]),
      ),
      ...(body !== undefined && { body: fill(body) }),
      signal: leaving.signal,
    });
    const answer = await bodyOf(response, leaving);
    expect([title, response.status, answer]).toEqual([title, expect.toBeOneOf(SUCCESS), answer]);
    if (name !== undefined) answers.set(name, answer);
    expectInDocument({
      method,
      pattern: patternOf(request),
      body: body === undefined ? undefined : JSON.parse(fill(body)),
      status: response.status,
      headers: response.headers,
      answer,
    });
  }
});

/** The body as a value or text; of a stream that does not end, the first part. */
async function bodyOf(response: Response, leaving: AbortController): Promise<unknown> {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream")) {
    const first = await response.body?.getReader().read();
    leaving.abort();
    return new TextDecoder().decode(first?.value);
  }
  const text = await response.text();
  return type.startsWith("application/json") ? (JSON.parse(text) as unknown) : text;
}
