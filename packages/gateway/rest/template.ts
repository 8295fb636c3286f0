/**
 * Mapping templates: the Velocity Template Language with the variables of API Gateway. Templates are
 * parsed when the API is created, so that a mistake shows at the start with its line and column.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 */

import { JSONPath } from "jsonpath-plus";
import { Compile, parse } from "velocityjs";
import { isRecord, parseJson } from "../json.ts";

/** What a template can read. */
export interface TemplateInput {
  /** `$input.body`, and what `$input.path` and `$input.json` search. */
  body: string;
  params: {
    path: Readonly<Record<string, string>>;
    querystring: Readonly<Record<string, string>>;
    header: Readonly<Record<string, string>>;
  };
  /** `$context`. A template can set members of its overrides. */
  context: Readonly<Record<string, unknown>> & { responseOverride: ResponseOverride };
  stageVariables: Readonly<Record<string, string>>;
}

/** What a template can change about the response. */
export interface ResponseOverride {
  status?: unknown;
  header: Record<string, unknown>;
}

/** A template that can be parsed. */
export type Template = (input: TemplateInput) => string;

/** Parses a template. Throws with line and column where it is not VTL; `name` is for the message. */
export function parseTemplate(name: string, text: string): Template {
  const nodes = parsed(name, text);
  const open = firstUnclosed(text);
  if (open) {
    throw new Error(
      `${name}: line ${open.line}, column ${open.column}: #${open.directive} has no #end`,
    );
  }
  return ({ body, params, context, stageVariables }) =>
    new Compile(nodes, { escape: false, customMethodHandlers: METHODS }).render({
      input: inputVariable(body, params),
      util,
      context: withDefault(context),
      stageVariables: withDefault(stageVariables),
    });
}

function parsed(name: string, text: string): ReturnType<typeof parse> {
  try {
    return parse(text);
  } catch (error) {
    const at = isRecord(error) && isRecord(error["hash"]) ? error["hash"]["loc"] : undefined;
    const line = isRecord(at) ? String(at["first_line"]) : "?";
    // The library gives the place of the last token that it could read.
    const column = isRecord(at) ? Number(at["last_column"]) : "?";
    const reason = error instanceof Error ? error.message.split("\n").at(-1) : String(error);
    throw new Error(`${name}: line ${line}, after column ${column}: ${reason}`, { cause: error });
  }
}

/** The parser accepts a block without its end, which AWS refuses. */
function firstUnclosed(
  text: string,
): { directive: string; line: number; column: number } | undefined {
  const code = text.replace(/##.*|#\*[^]*?\*#/g, (comment) => comment.replace(/[^\n]/g, " "));
  const open: { directive: string; at: number }[] = [];
  for (const { 1: directive = "", index } of code.matchAll(
    /#\{?(if|foreach|macro|define|end)\b/g,
  )) {
    if (directive === "end") open.pop();
    else open.push({ directive, at: index });
  }
  const last = open.at(-1);
  if (!last) return undefined;
  const before = code.slice(0, last.at).split("\n");
  return {
    directive: last.directive,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
  };
}

function inputVariable(body: string, params: TemplateInput["params"]): object {
  // An empty body is an empty object for templates.
  const shown = body === "" ? "{}" : body;
  const value = parseJson(shown);
  const find = (path: string): unknown => {
    if (!isRecord(value) && !Array.isArray(value)) return path === "$" ? value : undefined;
    return JSONPath({ path, json: value, wrap: false, eval: false });
  };
  return {
    body: shown,
    json: (path: string) => JSON.stringify(find(path) ?? ""),
    path: (path: string) => javaValue(find(path)),
    params: (name?: string) => {
      if (name === undefined) {
        return {
          path: javaValue(params.path),
          querystring: javaValue(params.querystring),
          header: javaValue(params.header),
        };
      }
      for (const values of [params.path, params.querystring, params.header]) {
        if (Object.hasOwn(values, name)) return values[name];
      }
      return "";
    },
  };
}

/** A map as Java prints it: `{a=1, b=2}`. */
class JavaMap {
  constructor(members: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(members)) {
      if (name === "toString") continue; // it would hide how the map prints
      // Defined and not assigned, so that no name of the input reaches a prototype.
      Object.defineProperty(this, name, { value: javaValue(value), enumerable: true });
    }
  }

  toString(): string {
    const members = Object.entries(this).map(([name, value]) => `${name}=${String(value)}`);
    return `{${members.join(", ")}}`;
  }
}

/** A list, which API Gateway prints as JSON. */
class JavaList {
  readonly #items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    for (const [at, item] of items.entries()) {
      Object.defineProperty(this, String(at), { value: javaValue(item), enumerable: true });
    }
    this.#items = items;
  }

  toString(): string {
    return JSON.stringify(this.#items);
  }
}

/** A JSON value for a template. What is absent or null prints nothing. */
function javaValue(value: unknown): unknown {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return new JavaList(value);
  return isRecord(value) ? new JavaMap(value) : value;
}

/** Members that are missing print nothing instead of the text of the reference. */
const withDefault = (members: Readonly<Record<string, unknown>>): object =>
  new Proxy(members, {
    get(target, name) {
      const value: unknown =
        typeof name === "string" && Object.hasOwn(target, name) ? target[name] : undefined;
      if (name === "responseOverride" || name === "requestOverride") return value;
      return isRecord(value) ? withDefault(value) : (value ?? "");
    },
    has: () => true,
  });

/** `$util`. */
const util = {
  escapeJavaScript: (value: unknown) => escapeJavaScript(String(value)),
  parseJson: (text: string) => javaValue(parseJson(text)),
  urlEncode: (value: unknown) => new URLSearchParams({ v: String(value) }).toString().slice(2),
  urlDecode: (value: unknown) => new URLSearchParams(`v=${String(value)}`).get("v") ?? "",
  base64Encode: (value: unknown) => Buffer.from(String(value)).toString("base64"),
  base64Decode: (value: unknown) => Buffer.from(String(value), "base64").toString("utf8"),
};

const ESCAPES: Readonly<Record<string, string>> = {
  "'": "\\'",
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\n": "\\n",
  "\t": "\\t",
  "\f": "\\f",
  "\r": "\\r",
};

/**
 * As Apache Commons does it, single quotes and slashes included: JSON must not contain the former, so
 * a template for JSON adds `.replaceAll("\\'", "'")`.
 */
export const escapeJavaScript = (text: string): string =>
  text.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is escaped
    /['"\\/\u0000-\u001f\u007f-\uffff]/g,
    (character) =>
      ESCAPES[character] ??
      `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
  );

/** Methods of Java's String, Map and List that the library does not know or reads differently. */
type Call = { property: string; context: unknown; params: unknown[] };
const method = (
  uid: string,
  applies: (context: unknown) => boolean,
  resolve: (context: never, ...params: never[]) => unknown,
) => ({
  uid,
  match: ({ property, context }: Call) => property === uid && applies(context),
  resolve: ({ context, params }: Call) => resolve(context as never, ...(params as never[])),
});
const isText = (value: unknown) => typeof value === "string";
const isMap = (value: unknown): boolean => value instanceof JavaMap;
const isCollection = (value: unknown) => isMap(value) || value instanceof JavaList;
const METHODS = [
  method("isEmpty", isText, (text: string) => text === ""),
  method("isEmpty", isCollection, (all: object) => Object.keys(all).length === 0),
  method("matches", isText, (text: string, pattern: string) =>
    new RegExp(`^(?:${pattern})$`).test(text),
  ),
  method("replaceAll", isText, (text: string, pattern: string, value: string) =>
    text.replace(new RegExp(pattern, "g"), value),
  ),
  method("replaceFirst", isText, (text: string, pattern: string, value: string) =>
    text.replace(new RegExp(pattern), value),
  ),
  // The library has no member `__proto__`, although a client may name one so.
  method("get", isMap, (map: Record<string, unknown>, key: string) =>
    Object.hasOwn(map, key) ? map[key] : undefined,
  ),
  method("containsKey", isCollection, (map: object, key: string) => Object.hasOwn(map, key)),
  method("contains", isCollection, (list: object, item: unknown) =>
    Object.values(list).includes(item),
  ),
];
