/**
 * Selects the route of an HTTP API for a request. A full match wins over a greedy match, and a greedy
 * match over `$default`. Among these a literal segment wins over a variable, a longer prefix over a
 * shorter one, and a method over ANY.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */

import { emptyRecord } from "../json.ts";

/** A parsed route key. */
interface Pattern {
  method: string;
  segments: readonly string[];
}

/** The selected route and the values of its path variables. */
export interface Match<Route> {
  route: Route;
  pathParameters: Record<string, string> | undefined;
}

/** Finds the route of a request. */
export interface Router<Route> {
  /** `segments` are those of the decoded path; the path `/` is one empty segment. */
  match(method: string, segments: readonly string[]): Match<Route> | undefined;
}

/** A route at the end of its path, with the names of the path variables on the way. */
interface Leaf<Route> {
  route: Route;
  names: readonly string[];
}

/** A tree with one level for each path segment; leaves are stored by method. */
interface Node<Route> {
  literal: Map<string, Node<Route>>;
  variable: Node<Route> | undefined;
  exact: Map<string, Leaf<Route>>;
  greedy: Map<string, Leaf<Route>>;
}

const METHOD = /^(?:ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/;
const VARIABLE = /^\{([A-Za-z0-9._:-]+)(\+?)\}$/;

/**
 * Builds the tree. Variables, also greedy ones, never match empty text: `/users/` is not
 * `/users/{id}`, and `/` is not `/{proxy+}`. AWS documents neither. Throws for a malformed route key
 * and for two routes that match the same requests.
 */
export function createRouter<Route extends { routeKey: string }>(
  routes: readonly Route[],
): Router<Route> {
  const root = emptyNode<Route>();
  let fallback: Route | undefined;
  const keys = new Set<string>();
  for (const route of routes) {
    if (keys.has(route.routeKey)) throw new Error(`route ${route.routeKey} is given twice`);
    keys.add(route.routeKey);
    if (route.routeKey === "$default") fallback = route;
    else insert(root, route);
  }
  return {
    match(method, segments) {
      const values: string[] = [];
      const leaf =
        findExact(root, method, segments, 0, values) ??
        findGreedy(root, method, segments, 0, values);
      if (leaf) return { route: leaf.route, pathParameters: parameters(leaf.names, values) };
      return fallback && { route: fallback, pathParameters: undefined };
    },
  };
}

function emptyNode<Route>(): Node<Route> {
  return { literal: new Map(), variable: undefined, exact: new Map(), greedy: new Map() };
}

function parse(routeKey: string): Pattern {
  const [method, path, ...rest] = routeKey.split(" ");
  if (!method || !METHOD.test(method) || !path?.startsWith("/") || rest.length > 0) {
    throw new Error(`${routeKey} is not a route key such as "GET /users/{id}"`);
  }
  return { method, segments: path.slice(1).split("/") };
}

function insert<Route extends { routeKey: string }>(root: Node<Route>, route: Route): void {
  const { method, segments } = parse(route.routeKey);
  const names: string[] = [];
  let node = root;
  for (const [at, segment] of segments.entries()) {
    const variable = VARIABLE.exec(segment);
    if (!variable) {
      const next: Node<Route> = node.literal.get(segment) ?? emptyNode();
      node.literal.set(segment, next);
      node = next;
      continue;
    }
    names.push(variable[1] ?? "");
    if (variable[2] === "+") {
      if (at !== segments.length - 1) throw new Error(`${route.routeKey}: {…+} must come last`);
      return addLeaf(node.greedy, method, { route, names });
    }
    node.variable ??= emptyNode();
    node = node.variable;
  }
  addLeaf(node.exact, method, { route, names });
}

function addLeaf<Route extends { routeKey: string }>(
  leaves: Map<string, Leaf<Route>>,
  method: string,
  leaf: Leaf<Route>,
): void {
  const other = leaves.get(method);
  if (other)
    throw new Error(`${leaf.route.routeKey} and ${other.route.routeKey} match the same paths`);
  leaves.set(method, leaf);
}

/**
 * Finds a route that matches all segments. Tries the literal branch first and returns to the variable
 * when it leads nowhere. `values` collects the variables of the current branch.
 */
function findExact<Route>(
  node: Node<Route>,
  method: string,
  segments: readonly string[],
  at: number,
  values: string[],
): Leaf<Route> | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.exact.get(method) ?? node.exact.get("ANY");
  const literal = node.literal.get(segment);
  const found = literal && findExact(literal, method, segments, at + 1, values);
  if (found || !node.variable || segment === "") return found;
  values.push(segment);
  const leaf = findExact(node.variable, method, segments, at + 1, values);
  if (!leaf) values.pop();
  return leaf;
}

/** Finds the greedy route with the longest prefix. Its last value is the rest of the path. */
function findGreedy<Route>(
  node: Node<Route>,
  method: string,
  segments: readonly string[],
  at: number,
  values: string[],
): Leaf<Route> | undefined {
  const segment = segments[at];
  if (segment === undefined) return undefined;
  const literal = node.literal.get(segment);
  const found = literal && findGreedy(literal, method, segments, at + 1, values);
  if (found) return found;
  if (node.variable && segment !== "") {
    values.push(segment);
    const leaf = findGreedy(node.variable, method, segments, at + 1, values);
    if (leaf) return leaf;
    values.pop();
  }
  const leaf = node.greedy.get(method) ?? node.greedy.get("ANY");
  if (!leaf) return undefined;
  const rest = segments.slice(at).join("/");
  if (rest === "") return undefined;
  values.push(rest);
  return leaf;
}

function parameters(
  names: readonly string[],
  values: readonly string[],
): Record<string, string> | undefined {
  if (names.length === 0) return undefined;
  const found = emptyRecord<string>();
  for (const [at, name] of names.entries()) found[name] = values[at] ?? "";
  return found;
}
