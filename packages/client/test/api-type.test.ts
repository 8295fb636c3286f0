/** The generated types are those of the server: of its documents, and of its code. */

import { readFileSync } from "node:fs";
import type { App } from "@stockwire/functions/api/app";
import type { ServerFrame as FrameOfServer } from "@stockwire/core/live/protocol";
import type { Change as ChangeOfServer } from "@stockwire/core/changes/change";
import type { ClientResponse, hc } from "hono/client";
import { describe, expect, expectTypeOf, it } from "vitest";
import { typeOf, typeText } from "../scripts/type-text.ts";
import type { Answer, Change, Client, ServerFrame } from "../src/http.ts";

const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
const documentOf = (name: string): unknown =>
  JSON.parse(read(`../../functions/src/api/docs/${name}.json`));

type HonoClient = ReturnType<typeof hc<App>>;
type Success = 200 | 201 | 204 | 207;
/** JSON has no read-only arrays. */
type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { [K in keyof T]: Mutable<T[K]> }
    : T;
type Sent<F> = F extends (...args: never[]) => Promise<infer R>
  ? R extends ClientResponse<infer T, infer S>
    ? S extends Success
      ? Mutable<T>
      : never
    : never
  : never;
type Promised<F> = F extends (...args: never[]) => Promise<Answer<infer T>> ? T : never;
type Json<F> = F extends (input: infer I, ...rest: never[]) => unknown
  ? I extends { json: infer J }
    ? J
    : "none"
  : never;

type KeyIn<T, K> = K extends keyof T ? T[K] : undefined;
/** Calls of `Ours` that `Server` does not have, or whose body or answer differs. */
type Wrong<Server, Ours, Path extends string = ""> = {
  [K in keyof Ours & string]: K extends `$${string}`
    ? [Sent<KeyIn<Server, K>>, Json<Ours[K]>] extends [Promised<Ours[K]>, Json<KeyIn<Server, K>>]
      ? never
      : `${Path} ${K}`
    : Wrong<KeyIn<Server, K>, Ours[K], `${Path}/${K}`>;
}[keyof Ours & string];

type Calls<T> = Extract<keyof T, "$get" | "$post" | "$put" | "$patch" | "$delete">;
/** Calls that `Server` has and `Ours` has not. */
type Missing<Server, Ours, Path extends string = ""> = {
  [K in keyof Server & string]: K extends Calls<Server>
    ? K extends keyof Ours
      ? never
      : `${Path} ${K}`
    : K extends `$${string}`
      ? never
      : Missing<Server[K], KeyIn<Ours, K>, `${Path}/${K}`>;
}[keyof Server & string];

describe("the generated types", () => {
  it("are made from the present documents", () => {
    const text = typeText(documentOf("openapi") as never, documentOf("asyncapi") as never);
    expect(read("../src/api.gen.ts") === text, "stale: npm run client-types").toBe(true);
  });

  it("have the calls of the server's code, with its bodies and answers", () => {
    // The documents are sent as texts that were serialized before.
    expectTypeOf<Wrong<HonoClient, Client>>().toEqualTypeOf<
      "/openapi.json $get" | "/asyncapi.json $get"
    >();
    // Pages for people and streams are no JSON.
    expectTypeOf<Missing<HonoClient, Client>>().toEqualTypeOf<
      "/docs $get" | "/docs/problems $get" | "/changes/stream $get"
    >();
  });

  it("have the frames of the server's code", () => {
    expectTypeOf<FrameOfServer>().toExtend<ServerFrame>();
    expectTypeOf<ServerFrame["type"]>().toEqualTypeOf<FrameOfServer["type"]>();
    expectTypeOf<ChangeOfServer>().toExtend<Change>();
  });

  it.each([
    [{ type: ["string", "null"] }, "string | null"],
    [
      { type: "array", items: { anyOf: [{ type: "string" }, { type: "null" }] } },
      "(string | null)[]",
    ],
    [{ type: "object", additionalProperties: { type: "integer" } }, "Record<string, number>"],
    [{ enum: ["low", "out"] }, '"low" | "out"'],
    [{ $ref: "#/components/schemas/User" }, "User"],
    [{}, "unknown"],
  ])("%j is %s", (schema, type) => {
    expect(typeOf(schema, "")).toBe(type);
  });

  it("cannot be made of a schema of an unknown form", () => {
    expect(() => typeOf({ type: "date" }, "")).toThrow(TypeError);
  });
});
