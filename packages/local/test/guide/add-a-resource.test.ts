/**
 * Follows docs/add-a-resource.md in a copy of the work tree: its blocks are added to the files that it
 * names, documents and types of the client are made, and the compiler accepts all of it.
 */

import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkspace, type Workspace } from "../../commands/mutants/workspace.ts";
import { ROOT } from "../../server-registry.ts";
import { fencesOf } from "../page.ts";
import { runProgram } from "../program.ts";

const page = readFileSync(join(ROOT, "docs/add-a-resource.md"), "utf8");
const blocks = fencesOf(page).filter(({ kind }) => kind.startsWith("ts"));

let copy: Workspace;
beforeAll(async () => {
  copy = await createWorkspace(ROOT, false);
});
afterAll(() => copy.remove());

/** Blocks that have been used: none may be left over. */
const used = new Set<string>();

/** The block that begins so. */
function block(start: string): string {
  const found = blocks.filter(({ code }) => code.startsWith(start)).map(({ code }) => code);
  const [code, ...others] = found;
  if (code === undefined || others.length > 0) throw new Error(`no single block begins: ${start}`);
  used.add(code);
  return `${code}\n`;
}

function add(file: string, content: string): void {
  expect(page).toContain(file);
  writeFileSync(join(copy.root, file), content, { flag: "wx" });
}

/** Inserts lines before the only place that begins with `anchor`. */
function insert(file: string, anchor: string, lines: string): void {
  expect(page).toContain(file);
  const [before = "", after, ...others] = readFileSync(join(copy.root, file), "utf8").split(
    `\n${anchor}`,
  );
  if (after === undefined || others.length > 0) throw new Error(`${file}: no single ${anchor}`);
  writeFileSync(join(copy.root, file), `${before}\n${lines}${anchor}${after}`);
}

const CORE = "packages/core/src";
const ROUTES = "packages/functions/src/api/routes";
const CONSOLE = "packages/web-test/src";

/** Steps 1 to 5: the resource with its routes and test. What the page describes in words is added here. */
function addResource(): void {
  add(`${CORE}/catalog/supplier.ts`, block('import * as z from "zod";'));
  insert(`${CORE}/error.ts`, '  | "user_not_found"', '  | "supplier_not_found"\n');
  const meaning = "No supplier has this id, or it was deleted; look it up in the list.";
  insert(
    "packages/functions/src/api/problem.ts",
    "  user_not_found: {",
    `  supplier_not_found: { status: 404, title: "Supplier not found", meaning: "${meaning}" },\n`,
  );
  const index = `${CORE}/catalog/index.ts`;
  insert(index, "import * as User", 'import * as Supplier from "./supplier.ts";\n');
  insert(index, "  items: {", block("  suppliers: {\n    tag:"));
  add(`${ROUTES}/supplier.ts`, block("import * as Supplier"));
  const mounted = `${ROUTES}/index.ts`;
  insert(mounted, "import { user }", 'import { supplier } from "./supplier.ts";\n');
  insert(mounted, '  .route("/items", item)', '  .route("/suppliers", supplier)\n');
  add("packages/local/test/contract/suppliers.test.ts", block("import { newId }"));
}

/** Steps 6 and 7: the documents, and a page of the console with the client's types. */
async function addPage(): Promise<void> {
  insert(
    "packages/functions/scripts/openapi-example.ts",
    "  Change,",
    block("  SupplierRequest: {"),
  );
  insert(
    "packages/functions/scripts/requests-file.ts",
    '  { key: "GET /changes" },',
    block('  { key: "POST /suppliers"'),
  );
  for (const program of [
    "packages/functions/scripts/openapi.ts",
    "packages/functions/scripts/asyncapi.ts",
    "packages/client/scripts/types.ts",
  ]) {
    expect(await runProgram(join(copy.root, program), [])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  }
  insert(
    `${CONSOLE}/catalog.ts`,
    "  items: {",
    '  suppliers: { readScope: "read:suppliers", writeScope: "write:suppliers" },\n',
  );
  add(`${CONSOLE}/record/supplier.tsx`, block("import { type Client, unwrap }"));
  insert(
    `${CONSOLE}/page.tsx`,
    "  reservations: {",
    block('  suppliers: {\n    title: "Suppliers"'),
  );
}

/** What the compiler says of a project of the copy; empty if nothing. */
const compile = (project: string) =>
  new Promise<string>((resolve) => {
    const compiler = join(copy.root, "node_modules/.bin/tsc");
    execFile(compiler, ["-p", project], { cwd: copy.root }, (_, stdout) => resolve(stdout));
  });

/** What a server is made of, with the new test. All tests of the repository would take three times as long. */
const PROJECT = {
  extends: "./tsconfig.json",
  include: [
    "core/src",
    "functions/src",
    "functions/scripts",
    "local/test/contract/suppliers.test.ts",
  ].map((path) => `packages/${path}`),
  exclude: ["**/node_modules", "packages/*/{src,scripts}/**/*.test.ts"],
};

test("what the page adds compiles, and nothing of the page is left out", async () => {
  addResource();
  await addPage();
  expect(blocks.filter(({ code }) => !used.has(code))).toEqual([]);
  const requests = readFileSync(join(copy.root, "docs/requests.http"), "utf8");
  expect(requests).toContain("POST {{baseUrl}}/suppliers\n");
  writeFileSync(join(copy.root, "tsconfig.page.json"), JSON.stringify(PROJECT));
  // One fault, which shows that the compiler reads the copy, and not the packages of the original.
  insert(`${CORE}/catalog/supplier.ts`, "export const suppliers", "const unused = 1;\n");
  expect(await compile("tsconfig.page.json")).toMatch(
    /^packages\/core\/src\/catalog\/supplier\.ts\(.*'unused'.*\n$/,
  );
  expect(await compile("packages/web-test")).toBe("");
}, 240_000);
