import { isRecord } from "../json.ts";

/** Reads the route key out of a message; undefined if it has none. */
export type RouteSelection = (body: string) => string | undefined;

// Keys that no message can choose: they stand for the connection's beginning and end.
const OWN_EVENTS: ReadonlySet<string> = new Set(["$connect", "$disconnect"]);
const PART = /\$\{request\.body\.([^{}$]+)\}|\$request\.body\.([\w-]+(?:\.[\w-]+)*)|\\\$|\$/g;

/**
 * Compiles a route selection expression: `$request.body.action`, `${request.body.a}/${request.body.b}`,
 * a fixed key, `\$default`. Throws for one that this gateway cannot read.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
 */
export function routeSelection(expression: string): RouteSelection {
  const parts: (string | string[])[] = [];
  let end = 0;
  for (const match of expression.matchAll(PART)) {
    const [text, braced, plain] = match;
    const path = braced ?? plain;
    if (text === "$") throw new Error(`${expression} is not a selection expression known here`);
    parts.push(expression.slice(end, match.index), path === undefined ? "$" : path.split("."));
    end = match.index + text.length;
  }
  parts.push(expression.slice(end));
  const fixed = parts.every((part) => typeof part === "string");

  return (body) => {
    const message = fixed ? undefined : parse(body);
    if (!fixed && message === undefined) return undefined;
    const key = parts
      .map((part) => (typeof part === "string" ? part : valueAt(message, part)))
      .join("");
    return key === "" || OWN_EVENTS.has(key) ? undefined : key;
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function valueAt(message: unknown, path: readonly string[]): string {
  let value = message;
  for (const name of path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return "";
    value = value[name];
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
