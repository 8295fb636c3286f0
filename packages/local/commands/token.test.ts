import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { find, openIssuerOf, register, unregister } from "../server-registry.ts";
import { cleanEnv, runProgram } from "../test/program.ts";

const PROGRAM = join(import.meta.dirname, "token.ts");
const folder = () => mkdtempSync(join(tmpdir(), "token-"));

function run(args: string[], env: Record<string, string> = {}) {
  const clean = { ...cleanEnv, STOCKWIRE_DATA: folder() };
  return runProgram(PROGRAM, args, { env: { ...clean, ...env } });
}

const parts = (token: string): Record<string, unknown>[] =>
  token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));

test("the command prints a token and nothing else", async () => {
  const { code, stdout, stderr } = await run(["--scope", "read:users write:users"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(parts(stdout)[1]).toMatchObject({
    iss: "http://localhost:3000",
    sub: "laptop-user",
    scope: "read:users write:users",
    aud: "stockwire",
  });
});

test("all claims and header members can be set", async () => {
  const args = ["--scope", "", "--sub", "ana", "--ttl=-60", "--port", "4000"];
  const members = [
    "--claims",
    '{"aud":null,"tenant":"t"}',
    "--header",
    '{"alg":"none","kid":null}',
  ];
  const { stdout } = await run([...args, ...members]);
  const [header, claims] = parts(stdout);
  expect(header).toEqual({ alg: "none", typ: "JWT" });
  expect(claims).toMatchObject({
    iss: "http://localhost:4000",
    sub: "ana",
    scope: "",
    tenant: "t",
  });
  expect(claims).not.toHaveProperty("aud");
  expect(Number(claims?.["exp"]) - Number(claims?.["iat"])).toBe(-60);
});

test("--claims can hold the scope", async () => {
  const { stdout } = await run(["--claims", '{"scp":["read:items"]}']);
  const [, claims] = parts(stdout);
  expect(claims).toMatchObject({ scp: ["read:items"] });
  expect(claims).not.toHaveProperty("scope");
});

test("PORT and STOCKWIRE_DATA locate the server", async () => {
  const dir = folder();
  const issuer = await openIssuerOf({ dataDir: dir, issuer: "http://localhost:4321" });
  const { stdout } = await run(["--scope", ""], { PORT: "4321", STOCKWIRE_DATA: dir });
  const [header, claims] = parts(stdout);
  expect(header).toEqual(parts(issuer.sign({ claims: {} }))[0]);
  expect(claims).toMatchObject({ iss: "http://localhost:4321" });
});

test("a running server is found by its port, wherever its data folder is", async () => {
  const dir = folder();
  const issuer = await openIssuerOf({ dataDir: dir, issuer: "http://here" });
  const port = 60_000 + (process.pid % 5000);
  register({ port, dataDir: dir, issuer: "http://here", table: "T" });
  onTestFinished(() => unregister(port));
  const { stdout } = await run(["--scope", "", "--port", String(port)]);
  const [header, claims] = parts(stdout);
  expect(header).toEqual(parts(issuer.sign({ claims: {} }))[0]);
  expect(claims).toMatchObject({ iss: "http://here" });
});

test.each([
  [[], "--scope is missing"],
  [["--scope"], "argument missing"],
  [["--bogus"], "Unknown option"],
  [["--scope", "a", "stray"], "Unexpected argument"],
  [["--scope", "a", "--claims", "{"], "--claims is not JSON"],
  [["--scope", "a", "--claims", "[]"], "--claims must be a JSON object"],
  [["--scope", "a", "--header", "null"], "--header must be a JSON object"],
  [["--scope", "a", "--ttl", "soon"], "--ttl must be a whole number"],
  [["--scope", "a", "--port", "0"], "--port must be"],
])("%j is one clear line and exit code 1", async (args, reason) => {
  const { code, stdout, stderr } = await run(args);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(reason);
  expect(stderr.trimEnd()).not.toContain("\n");
});

test("--help shows the usage", async () => {
  const { code, stdout } = await run(["--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("--scope");
});

test("the entry of a process that has ended is removed, and that of another process is kept", () => {
  const root = folder();
  const port = 4000;
  const server = { port, dataDir: "/d", issuer: "http://i", endpoint: "http://e", table: "T" };
  const file = join(root, ".stockwire", "servers", `${port}.json`);
  const module = JSON.stringify(join(import.meta.dirname, "../server-registry.ts"));
  const script = `import { register } from ${module}; register(${JSON.stringify(server)}, ${JSON.stringify(root)});`;
  spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  expect(existsSync(file)).toBe(true);
  unregister(port, root);
  expect(existsSync(file)).toBe(true);
  expect(find(port, root)).toBeUndefined();
  expect(existsSync(file)).toBe(false);

  register(server, root);
  expect(find(port, root)).toEqual(server);
  unregister(port, root);
  expect(find(port, root)).toBeUndefined();
});
