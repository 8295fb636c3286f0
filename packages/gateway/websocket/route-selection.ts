/**
 * Route selection expressions: they compute the route key of a message. No message, however malformed,
 * makes one throw or selects `$connect` or `$disconnect`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
 */

import { member, parseJson } from "../json.ts";

/** Computes the route key of a message; undefined if the message has none. */
export type RouteSelection = (body: string) => string | undefined;

const RESERVED: ReadonlySet<string> = new Set(["$connect", "$disconnect"]);
const PART = /\$\{request\.body\.([^{}$]+)\}|\$request\.body\.([\w-]+(?:\.[\w-]+)*)|\\\$|\$/g;

/**
 * Compiles an expression such as `$request.body.action`, `${request.body.a}/${request.body.b}`, a fixed
 * key, or `\$default`. Throws for an expression that is not supported.
 */
export function routeSelection(expression: string): RouteSelection {
  const parts: (string | string[])[] = [];
  let end = 0;
  for (const match of expression.matchAll(PART)) {
    const [text, braced, plain] = match;
    const path = braced ?? plain;
    if (text === "$") throw new Error(`${expression} is not a supported selection expression`);
    parts.push(expression.slice(end, match.index), path === undefined ? "$" : path.split("."));
    end = match.index + text.length;
  }
  parts.push(expression.slice(end));
  const isFixed = parts.every((part) => typeof part === "string");

  return (body) => {
    const message = isFixed ? undefined : parseJson(body);
    if (!isFixed && message === undefined) return undefined;
    const key = parts
      .map((part) => (typeof part === "string" ? part : valueAt(message, part)))
      .join("");
    return key === "" || RESERVED.has(key) ? undefined : key;
  };
}

/** The value at a path as text; empty for objects, arrays, null and what does not exist. */
function valueAt(message: unknown, path: readonly string[]): string {
  const value = path.reduce(member, message);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
