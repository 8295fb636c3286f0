import { expect, test } from "vitest";
import { routes } from "../api/policy.ts";
import { partnerRoutes } from "./route.ts";

const byKey = new Map(partnerRoutes.map((route) => [route.routeKey, route]));

test("partners get every route of a resource, the changes and the version; without a key only health", () => {
  const resources = routes.filter(({ path }) =>
    /^\/(?:users|products|inventory|reservations|items)(?:\/|$)/.test(path),
  );
  expect(resources.length).toBeGreaterThan(30);
  const keys = resources.map(({ method, path }) => `${method} ${path}`);
  expect([...byKey.keys()].toSorted()).toEqual(
    [...keys, "GET /changes", "GET /changes/stream", "GET /health", "GET /version"].toSorted(),
  );
  expect(partnerRoutes.filter(({ stream }) => stream).map(({ routeKey }) => routeKey)).toEqual([
    "GET /changes/stream",
  ]);
  expect(partnerRoutes.filter(({ open }) => open).map(({ routeKey }) => routeKey)).toEqual([
    "GET /health",
  ]);
});

test("each method with a body has a model, and no other has", () => {
  for (const { method, path, body, partner } of routes) {
    if (partner === "none") continue;
    const { model } = byKey.get(`${method} ${path}`) ?? {};
    expect([method, path, model !== undefined]).toEqual([method, path, body !== undefined]);
    if (model)
      expect(model.contentTypes.includes("application/merge-patch+json")).toBe(method === "PATCH");
  }
});

test("only lists and records of products, inventory and items can be cached", () => {
  const cacheable = partnerRoutes.filter(({ cacheKeyParameters }) => cacheKeyParameters);
  expect(cacheable.map(({ routeKey }) => routeKey).toSorted()).toEqual([
    "GET /inventory",
    "GET /inventory/{productId}",
    "GET /items",
    "GET /items/{id}",
    "GET /products",
    "GET /products/{id}",
  ]);
});

test("the cache key has the path, every declared parameter, and the headers that change an answer", () => {
  const key = (route: string) => byKey.get(route)?.cacheKeyParameters?.toSorted();
  const [query, path, header] = ["querystring", "path", "header"].map(
    (where) => (name: string) => `method.request.${where}.${name}`,
  ) as [(name: string) => string, (name: string) => string, (name: string) => string];
  expect(key("GET /products")).toEqual(
    [...["limit", "order", "nextToken", "category", "sku"].map(query), header("Origin")].toSorted(),
  );
  expect(key("GET /items/{id}")).toEqual(
    [path("id"), header("If-None-Match"), header("Origin")].toSorted(),
  );
  // `include` needs another scope, which the policy of the token cannot say.
  expect(key("GET /products/{id}")).toEqual(
    [
      path("id"),
      query("include"),
      ...["If-None-Match", "Origin", "Authorization"].map(header),
    ].toSorted(),
  );
});

test("users have their own throttle here too", () => {
  expect(byKey.get("GET /users")?.throttle).toEqual({ rate: 100, burst: 200 });
});
