import { expect, test } from "vitest";
import { createRouter } from "./router.ts";

const keys = (...routeKeys: string[]) => createRouter(routeKeys.map((routeKey) => ({ routeKey })));
const segments = (path: string) => path.slice(1).split("/");

const PETS = [
  "GET /pets/dog/1",
  "GET /pets/dog/{id}",
  "GET /pets/{proxy+}",
  "ANY /{proxy+}",
  "$default",
];

test.each([
  ["GET", "/pets/dog/1", PETS, "GET /pets/dog/1"],
  ["GET", "/pets/dog/2", PETS, "GET /pets/dog/{id}"],
  ["GET", "/pets/cat/1", PETS, "GET /pets/{proxy+}"],
  ["POST", "/test/5", PETS, "ANY /{proxy+}"],
  ["GET", "/", PETS, "$default"],
  ["GET", "/a/b", ["GET /a/{proxy+}", "GET /{x}/b"], "GET /{x}/b"],
  ["GET", "/a/b", ["ANY /a/b", "GET /a/{x}"], "ANY /a/b"],
  ["GET", "/a/b", ["ANY /a/b", "GET /a/b"], "GET /a/b"],
  ["GET", "/a/b/d", ["GET /a/{x}/c", "GET /{y}/b/d"], "GET /{y}/b/d"],
  [
    "GET",
    "/a/b/c",
    ["GET /{proxy+}", "GET /a/{proxy+}", "GET /a/{x}/{proxy+}"],
    "GET /a/{x}/{proxy+}",
  ],
  ["DELETE", "/a/b", ["GET /a/b", "ANY /{proxy+}"], "ANY /{proxy+}"],
])("%s %s on %j selects %s, as AWS documents", (method, path, routes, expected) => {
  expect(keys(...routes).match(method, segments(path))?.route.routeKey).toBe(expected);
});

test.each([
  ["HEAD", "/users", "HEAD is not GET"],
  ["GET", "/users/", "a trailing slash is another path"],
  ["GET", "//users", "an empty segment is a segment"],
  ["GET", "/users/1/", "a trailing slash after a variable is another path"],
  ["GET", "/Users", "paths are case-sensitive"],
  ["GET", "/{id}", "the name of a variable is not a value"],
  ["ANY", "/users", "ANY is not a method"],
])("%s %s matches nothing: %s", (method, path) => {
  expect(keys("GET /users", "GET /users/{id}").match(method, segments(path))).toBeUndefined();
});

test("path variables have the values of the selected branch only", () => {
  const match = keys("GET /{a}/x/{b}/y", "GET /{c}/{d}/{e+}").match("GET", segments("/1/x/2/z"));
  expect(match?.pathParameters).toEqual({ c: "1", d: "x", e: "2/z" });
});

test.each([
  [["GET /a", "GET /a"], "twice"],
  [["GET /{a}", "GET /{b}"], "match the same paths"],
  [["GET /{a+}/b"], "must come last"],
  [["get /a"], "is not a route key"],
  [["GET a"], "is not a route key"],
])("refuses %j: %s", (routes, reason) => {
  expect(() => keys(...routes)).toThrow(reason);
});
