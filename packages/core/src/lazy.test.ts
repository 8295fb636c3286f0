import { expect, test } from "vitest";
import * as z from "zod";
import { lazy, makeAll, resolved } from "./lazy.ts";

test("a lazy schema is made once, at its first use", () => {
  let made = 0;
  const schema = lazy(() => {
    made++;
    return z.object({ a: z.int() });
  });
  expect(made).toBe(0);
  expect(schema.parse({ a: 1 })).toEqual({ a: 1 });
  expect(schema.safeParse({ a: "1" }).error?.issues[0]?.path).toEqual(["a"]);
  expect(z.array(schema).parse([{ a: 2 }])).toEqual([{ a: 2 }]);
  expect(resolved(schema)).toBe(schema.unwrap());
  expect(made).toBe(1);
  const eager = z.string();
  expect(resolved(eager)).toBe(eager);
});

test("all that are declared can be made, in their order", () => {
  const made: string[] = [];
  const declare = (name: string) =>
    lazy(() => {
      made.push(name);
      return z.string();
    });
  declare("first");
  declare("second").parse("x");
  makeAll();
  expect(made).toEqual(["second", "first"]);
  makeAll();
  expect(made).toHaveLength(2);
});
