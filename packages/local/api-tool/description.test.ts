/** The descriptions that a stage serves, as the tools of others read them. */

import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import asyncapi from "../../functions/src/api/docs/asyncapi.json" with { type: "json" };
import openapi from "../../functions/src/api/docs/openapi.json" with { type: "json" };
import { openapi30 } from "@stockwire/functions/api/docs/openapi30";
import { installed } from "../consumer/runtime.ts";

const LINTERS = { "@redocly/cli": "2.77.0", "@stoplight/spectral-cli": "6.16.3" };
const GENERATORS = {
  "@hey-api/openapi-ts": "0.99.0",
  "openapi-typescript": "7.13.0",
  orval: "8.38.0",
  typescript: "5.9.3",
};
/** Outputs import nothing, so strict settings need no other package. */
const TSCONFIG = {
  compilerOptions: {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  },
  include: ["**/*.ts"],
};

let folder: string;
let linters: string;
let generators: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-api-"));
  const documents = { openapi, openapi30: openapi30(openapi), asyncapi };
  for (const [name, document] of Object.entries(documents)) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(document, null, 2));
  }
  linters = await installed("stockwire-api-linters", LINTERS);
  generators = await installed("stockwire-api-generators", GENERATORS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program; a failure shows what it has printed. */
async function bin(tools: string, name: string, ...args: string[]): Promise<string> {
  try {
    const program = join(tools, "node_modules/.bin", name);
    const { stdout } = await promisify(execFile)(program, args, { cwd: folder });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${name} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error });
  }
}

const DOCUMENTS = ["openapi", "openapi30", "asyncapi"];

test.each(DOCUMENTS)("%s.json is clean under Redocly's recommended rules", async (name) => {
  const output = await bin(linters, "redocly", "lint", `${name}.json`, "--format=json");
  expect(JSON.parse(output)).toMatchObject({
    totals: { errors: 0, warnings: 0, ignored: 0 },
    problems: [],
  });
});

/** Spectral has rules only if it is given some: these are its own, down to the lowest severity. */
function spectral(file: string): Promise<string> {
  const ruleset = join(folder, "spectral.json");
  writeFileSync(ruleset, JSON.stringify({ extends: ["spectral:oas", "spectral:asyncapi"] }));
  return bin(linters, "spectral", "lint", file, "--ruleset", ruleset, "--fail-severity=hint");
}

test.each(DOCUMENTS)("%s.json is clean under Spectral's rules", async (name) => {
  expect(await spectral(`${name}.json`)).toMatch(/^No results/);
});

test("both linters find a fault", async () => {
  const { info: _, ...rest } = openapi;
  writeFileSync(join(folder, "bad.json"), JSON.stringify(rest));
  await expect(bin(linters, "redocly", "lint", "bad.json")).rejects.toThrow(/info/);
  await expect(spectral("bad.json")).rejects.toThrow(/info/);
});

test.each<[string, string, string[]]>([
  ["openapi-typescript", "openapi-typescript", ["openapi.json", "-o", "OUT/api.ts"]],
  ["@hey-api/openapi-ts", "openapi-ts", ["-i", "openapi.json", "-o", "OUT/api"]],
  ["orval", "orval", ["--input", "openapi.json", "--output", "OUT/api.ts", "--client", "fetch"]],
])("what %s generates can be type-checked", async (_, program, args) => {
  const out = join(folder, program);
  mkdirSync(out);
  writeFileSync(join(out, "tsconfig.json"), JSON.stringify(TSCONFIG));
  await bin(generators, program, ...args.map((arg) => arg.replace("OUT", program)));
  // It must have the API's types, and no `any` in their place.
  writeFileSync(join(out, "use.ts"), USES[program] ?? "");
  expect(await bin(generators, "tsc", "-p", out)).toBe("");
});

const USES: Readonly<Record<string, string>> = {
  "openapi-typescript": `import type { components } from "./api.ts";
export const name = (user: components["schemas"]["User"]): string => user.name;
// @ts-expect-error -- a user has no price
export const price = (user: components["schemas"]["User"]): string => user.price;`,
  "openapi-ts": `import type { User } from "./api";
export const name = (user: User): string => user.name;
// @ts-expect-error -- a user has no price
export const price = (user: User): string => user.price;`,
  orval: `import type { User } from "./api";
export const name = (user: User): string => user.name;
// @ts-expect-error -- a user has no price
export const price = (user: User): string => user.price;`,
};
