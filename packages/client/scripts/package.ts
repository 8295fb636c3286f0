/**
 * The package as users install it: JavaScript and declarations, without dependencies. The workspace
 * itself uses the sources, so this package has another package.json than the folder.
 */

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const client = join(import.meta.dirname, "..");
const root = join(client, "../..");

/** Subpaths of the package, and the source file of each. */
export const ENTRIES = { ".": "http", "./live": "live", "./react": "react" } as const;

interface Manifest {
  scripts?: unknown;
  devDependencies?: unknown;
  private?: unknown;
  [member: string]: unknown;
}

/** Builds the package into a folder, which is emptied first. Throws with the compiler's messages. */
export function buildPackage(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const bin = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin");
  const project = join(client, "tsconfig.build.json");
  compile(join(bin, "tsc"), ["-p", project, "--outDir", folder]);
  for (const file of globSync("**/*.d.ts", { cwd: folder })) {
    const text = readFileSync(join(folder, file), "utf8");
    writeFileSync(join(folder, file), text.replaceAll(/(["'])(\.\.?\/[^"']+)\.ts\1/g, "$1$2.js$1"));
  }
  for (const file of ["README.md", "CHANGELOG.md"]) {
    copyFileSync(join(client, file), join(folder, file));
  }
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** Packs the folder. Returns the path of the tarball, which is in `to`. */
export function packPackage(folder: string, to: string): string {
  const output = execFileSync("npm", ["pack", folder, "--json", "--pack-destination", to], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [packed] = JSON.parse(output) as [{ filename: string }];
  return join(to, packed.filename);
}

function compile(tsc: string, args: readonly string[]): void {
  try {
    execFileSync(process.execPath, [tsc, ...args], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
}

function manifest(): object {
  const source = JSON.parse(readFileSync(join(client, "package.json"), "utf8")) as Manifest;
  const { scripts: _, devDependencies: __, private: ___, exports: ____, ...kept } = source;
  const exports = Object.entries(ENTRIES).map(([subpath, name]) => [
    subpath,
    { types: `./${name}.d.ts`, default: `./${name}.js` },
  ]);
  return {
    ...kept,
    sideEffects: false,
    main: "./http.js",
    types: "./http.d.ts",
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
  };
}
