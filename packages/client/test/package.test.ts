/** The package as it is installed. `npm run test:client` installs and runs it; this is quick. */

import { build } from "esbuild";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPackage, ENTRIES } from "../scripts/package.ts";

let folder: string;
let files: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stockwire-package-"));
  buildPackage(folder);
  files = globSync("**/*.*", { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (file: string) => readFileSync(join(folder, file), "utf8");

/** What a browser loads for an entry, minified, without React. */
async function bundleOf(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, `${entry}.js`)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    external: ["react"],
  });
  return outputFiles[0]?.text ?? "";
}

describe("the built package", () => {
  it("holds JavaScript with declarations, a README, a changelog and the licence, and no TypeScript", () => {
    const code = files.filter((file) => file.endsWith(".js"));
    expect(code).toEqual(expect.arrayContaining(["http.js", "live.js", "react.js"]));
    expect(files.toSorted()).toEqual(
      [
        ...code,
        ...code.map((file) => file.replace(/\.js$/, ".d.ts")),
        "CHANGELOG.md",
        "README.md",
        "package.json",
      ].toSorted(),
    );
    expect(read("LICENSE")).toMatch(/^MIT License/);
    expect(read("README.md")).toContain("npm install");
    expect(read("CHANGELOG.md")).toContain("## Unreleased");
  });

  it("imports its own files and React, in code as in declarations", () => {
    const imported = files.flatMap((file) =>
      /\.(?:js|d\.ts)$/.test(file)
        ? [...read(file).matchAll(/(?:\bfrom|\bimport) ?\(?["']([^"']+)["']/g)].map(
            ([, specifier = ""]) => [file, specifier] as const,
          )
        : [],
    );
    const foreign = imported.filter(([, specifier]) => !/^\.\.?\/.*\.js$/.test(specifier));
    expect(imported.length).toBeGreaterThan(50);
    expect(new Set(foreign.map((one) => one.join(" ")))).toEqual(
      new Set(["react.js react", "react.d.ts react"]),
    );
    const { exports, ...manifest } = JSON.parse(read("package.json")) as Record<string, unknown>;
    expect(Object.keys(exports as object)).toEqual([...Object.keys(ENTRIES), "./package.json"]);
    for (const member of ["dependencies", "devDependencies", "scripts", "private"]) {
      expect(manifest).not.toHaveProperty(member);
    }
  });

  it.each(Object.values(ENTRIES))("%s uses nothing that Node 20 lacks", async (entry) => {
    const text = await bundleOf(entry);
    expect(text.length).toBeGreaterThan(1000);
    expect(text).not.toMatch(
      /withResolvers|groupBy|Promise\.try|\.(?:values|keys|entries)\(\)\.[a-z]/,
    );
  });

  it("has nothing that publint complains about", async () => {
    const { messages } = await publint({ pkgDir: folder, strict: true, pack: false });
    expect(messages).toEqual([]);
  });

  it.each([
    ["http", 6],
    ["live", 14],
    ["react", 20],
  ])("%s has at most %i kB compressed", async (entry, kB) => {
    const bytes = gzipSync(await bundleOf(entry), { level: 9 }).length;
    expect(bytes).toBeLessThanOrEqual(kB * 1000);
  });
});
