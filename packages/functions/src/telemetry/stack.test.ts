import { build } from "esbuild";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { originalStack } from "./stack.ts";

const SOURCE = `
export function outer() {
  inner();
}

function inner() {
  throw new Error("here");
}
`;

test("a position in a bundle becomes one in the source", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-stack-"));
  try {
    const outfile = join(folder, "bundle.mjs");
    await writeFile(join(folder, "source.ts"), SOURCE);
    await build({
      entryPoints: [join(folder, "source.ts")],
      outfile,
      bundle: true,
      minify: true,
      format: "esm",
      sourcemap: "linked",
      logLevel: "silent",
    });
    const bundle = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
      outer: () => void;
    };
    const { stack = "" } = errorOf(bundle.outer);
    expect(originalStack(stack)).toMatch(/source\.ts:7:9\)?\n.*source\.ts:3:3/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("without a source map the stack stays as it is", () => {
  const { stack = "" } = new Error("here");
  expect(originalStack(stack)).toBe(stack);
  const position = "at handler (file:///var/task/bundle.mjs:1:2345)";
  expect(originalStack(position)).toBe(position);
  expect(originalStack(undefined)).toBeUndefined();
});

function errorOf(run: () => void): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not throw");
}
