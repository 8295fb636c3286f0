import * as fc from "fast-check";
import { expect, test } from "vitest";
import { routeSelection } from "./route-selection.ts";

test.each([
  ["$request.body.action", '{"action":"buy"}', "buy"],
  ["$request.body.action", '{"action":7}', "7"],
  ["$request.body.action", '{"action":true}', "true"],
  ["$request.body.action", '{"action":""}', undefined],
  ["$request.body.action", '{"action":null}', undefined],
  ["$request.body.action", '{"action":{"a":1}}', undefined],
  ["$request.body.action", '{"action":["buy"]}', undefined],
  ["$request.body.action", "{}", undefined],
  ["$request.body.action", '["action"]', undefined],
  ["$request.body.action", '"action"', undefined],
  ["$request.body.action", "null", undefined],
  ["$request.body.action", "buy", undefined],
  ["$request.body.action", '{"action":"$default"}', "$default"],
  ["$request.body.action", '{"action":"$connect"}', undefined],
  ["$request.body.action", '{"action":"$disconnect"}', undefined],
  ["$request.body.constructor", "{}", undefined],
  ["$request.body.__proto__.action", "{}", undefined],
  ["$request.body.service.do", '{"service":{"do":"echo"}}', "echo"],
  ["$request.body.service.do", '{"service":"do"}', undefined],
  ["${request.body.a}/${request.body.b}", '{"a":"x","b":"y"}', "x/y"],
  ["${request.body.a}/${request.body.b}", '{"a":"x"}', "x/"],
  ["v1-${request.body.a.b}", '{"a":{"b":"c"}}', "v1-c"],
  ["$request.body.a/$request.body.b", '{"a":"x","b":"y"}', "x/y"],
  ["\\$default", "not even JSON", "$default"],
  ["fixed", '{"action":"buy"}', "fixed"],
])("%s selects from %s the key %s", (expression, body, key) => {
  expect(routeSelection(expression)(body)).toBe(key);
});

test.each([
  "$default",
  "$request.header.x",
  "$request.body",
  "${request.body.a",
  "$context.a",
  "$",
])("refuses the expression %s", (expression) => {
  expect(() => routeSelection(expression)).toThrow("is not a supported selection expression");
});

test("no message makes the selection throw", () => {
  const select = routeSelection("$request.body.action");
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
      expect(["string", "undefined"]).toContain(typeof select(body));
    }),
  );
  expect(select("[".repeat(60_000))).toBeUndefined();
});
