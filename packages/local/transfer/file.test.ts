/** Files of records, without a server. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resourceOf, resources } from "@stockwire/core/catalog/index";
import { resolved } from "@stockwire/core/lazy";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as z from "zod";
import { collect } from "../test/collect.ts";
import { formatOf, inspect, readLines, writers } from "./file.ts";
import { isResource, RESOURCES, tableOf } from "./resource.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "stockwire-file-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (content: string | Buffer) => {
  const file = join(folder, "file");
  writeFileSync(file, content);
  return file;
};

const linesOf = async (content: string | Buffer, name: "users" | "products" | "items" = "users") =>
  collect(readLines(fileOf(content), "csv", tableOf(name)));

test.each(RESOURCES.filter((name) => name !== "items"))(
  "the columns of %s are the members of its records",
  (name) => {
    const { shape } = resolved(resourceOf(name).info) as z.ZodObject;
    const members = Object.keys(shape);
    const columns = tableOf(name).columns.filter((column) => column in shape);
    expect(columns.toSorted()).toEqual(members.toSorted());
  },
);

test("every resource that is created on its own can be exported", () => {
  const others = Object.keys(resources).filter((name) => !isResource(name));
  expect(others).toEqual(["reservations"]); // an import would reserve again
});

describe("CSV", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^'*[=+@\t\r-].{0,9}$/),
    fc.constantFrom(
      "",
      " ",
      '"',
      '""',
      "a\r\nb",
      "\u2028",
      "=1+1",
      "'=1",
      "''+1",
      "＝1",
      "0",
      "-1",
    ),
  );

  test("gives back every text, number and missing member", async () => {
    const record = fc.record(
      { name: text, price: fc.double({ noNaN: true, noDefaultInfinity: true }), sku: text },
      { requiredKeys: ["name"] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 5 }), async (records) => {
        const { head, rows } = writers.csv;
        const table = tableOf("products");
        const lines = await linesOf(head(table) + rows(table, records), "products");
        const plain = records.map((each) => ({ ...each, ...(each.price === 0 && { price: 0 }) }));
        expect(lines.map(({ values }) => values)).toEqual(plain.map((each) => ({ ...each })));
      }),
    );
  });

  test("gives back items of any shape", async () => {
    const table = tableOf("items");
    const item = { id: "a", attributes: 1, list: [null, { "=x": "\n" }], nothing: null, sku: "'=" };
    const server = { createdAt: "x", updatedAt: "x", version: 3 };
    const content = writers.csv.head(table) + writers.csv.rows(table, [{ ...item, ...server }]);
    expect(await linesOf(content, "items")).toEqual([{ line: 2, values: item }]);
  });

  test("has an apostrophe before what a spreadsheet would run", () => {
    const table = tableOf("users");
    const hostile = { name: '=HYPERLINK("http://x")', email: "@a", phone: "+1", status: "-1" };
    expect(writers.csv.rows(table, [hostile])).toBe(
      `,"'=HYPERLINK(""http://x"")",'@a,'+1,,'-1,,,\n`,
    );
  });

  test("is read with a byte order mark, any line ends, and the line where a row begins", async () => {
    const content =
      '\uFEFFemail , name,age\r\na@x.yz,"two\r\nlines",20\r\n\r\nb@x.yz,"",\nc@x.yz,C,x\r';
    expect(await linesOf(content)).toEqual([
      { line: 2, values: { email: "a@x.yz", name: "two\r\nlines", age: 20 } },
      { line: 5, values: { email: "b@x.yz", name: "" } },
      { line: 6, values: { email: "c@x.yz", name: "C", age: "x" } },
    ]);
  });

  test("has faults in single rows", async () => {
    const [few, many, good] = await linesOf("email,name\na@x.yz\nb@x.yz,B,C\nc@x.yz,C\n");
    expect(few).toEqual({ line: 2, fault: { code: "wrong_cells", message: expect.anything() } });
    expect(many).toMatchObject({ line: 3, fault: { code: "wrong_cells" } });
    expect(good).toEqual({ line: 4, values: { email: "c@x.yz", name: "C" } });
    const items = await linesOf('id,attributes\na,[1]\nb,"{""__proto__"":1}"\nc,{\n', "items");
    expect(items.map(({ fault }) => fault?.code)).toEqual([
      "invalid_request",
      "reserved_property",
      "invalid_json",
    ]);
  });

  test.each([
    ["no line", "", "empty"],
    ["an unknown column", "email,nam\n", '"nam" is none of id, name'],
    ["another delimiter", "email;name\n", '"email;name"'],
    ["a column twice", "email,name,email\n", "two columns are called email"],
    ["no key", "name\n", "a column is missing: email"],
    ["an open quote", 'email,name\na@x.yz,A\nb@x.yz,"B\nc@x.yz,C\n', "not CSV from line 3 on"],
    ["a quote too early", 'email,name\na@x.yz,A\nb@x.yz,"B"C\n', "not CSV from line 3 on"],
    ["an endless row", `email,name\na@x.yz,"${"x".repeat(1_100_000)}`, "not CSV from line 2 on"],
    ["Latin-1", Buffer.from("email,name\na@x.yz,\xE4\n", "latin1"), "not UTF-8"],
    ["UTF-16", Buffer.from("\uFEFFemail,name\n", "utf16le"), "not UTF-8"],
  ])("is refused whole with %s", async (_, content, message) => {
    await expect(inspect(fileOf(content), "csv", tableOf("users"))).rejects.toThrow(message);
  });
});

describe("JSON Lines", () => {
  const read = async (content: string) =>
    collect(readLines(fileOf(content), "jsonl", tableOf("users")));

  test("gives back records without what the server sets", async () => {
    const records = [
      { id: "1", name: "A", version: 1 },
      { email: "a\u2028@x.yz", age: null },
    ];
    expect(await read(`\uFEFF${writers.jsonl.rows(tableOf("users"), records)}`)).toEqual([
      { line: 1, values: { name: "A" } },
      { line: 2, values: { email: "a\u2028@x.yz", age: null } },
    ]);
  });

  test("has faults in single lines", async () => {
    const lines = await read('{"name":"A"}\r\n\n[]\n{\n{"a":1,"a":2}\n{"n":1e400}\n{"name":"B"}');
    expect(lines.map(({ line, fault }) => [line, fault?.code])).toEqual([
      [1, undefined],
      [3, "invalid_request"],
      [4, "invalid_json"],
      [5, "invalid_json"],
      [6, "invalid_request"],
      [7, undefined],
    ]);
    await expect(read(`{"a":"${"x".repeat(1_200_000)}`)).rejects.toThrow("line 1 is longer");
  });
});

test("the format is that of the name, unless it is given", () => {
  expect(formatOf(undefined, "a.NDJSON")).toBe("jsonl");
  expect(formatOf("csv", "a.jsonl")).toBe("csv");
  expect(formatOf(undefined, undefined)).toBe("csv");
  expect(() => formatOf("xlsx", undefined)).toThrow("--format must be csv or jsonl");
  expect(() => formatOf(undefined, "a.xlsx")).toThrow("--format");
});
