/** The packed client in projects outside of this repository: types, programs and a page. */

import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { buildPackage, packPackage } from "../../client/scripts/package.ts";
import { onOwnEngine, type RunningLaptop, startLaptop } from "../test/laptop.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { installRuntimes, npmInstall, runtimes, workerd } from "./runtime.ts";

const run = promisify(execFile);
const fixture = join(import.meta.dirname, "fixture");

let folder: string;
let tarball: string;
let laptop: RunningLaptop;
let proxy: Proxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-consumer-"));
  buildPackage(join(folder, "package"));
  tarball = packPackage(join(folder, "package"), folder);
  laptop = await startLaptop({
    args: ["--no-seed"],
    env: onOwnEngine,
  });
  proxy = await startProxy(laptop.url);
  await installRuntimes();
});
afterAll(async () => {
  await proxy.close();
  await laptop.close();
  await rm(folder, { recursive: true, force: true });
});

/** Makes a project with the packed client and other packages. */
async function project(name: string, packages: string[], tsconfig: object): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeFileSync(join(path, "tsconfig.json"), JSON.stringify(tsconfig));
  await npmInstall(path, tarball, ...packages);
  return path;
}

const STRICT = {
  target: "ES2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
};

const copy = (to: string, ...files: string[]) => {
  for (const file of files) cpSync(join(fixture, file), join(to, file));
};

/** Runs a program of the project's packages; a failure shows what it has printed. */
async function bin(cwd: string, name: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await run(join(cwd, "node_modules/.bin", name), args, { cwd });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${name} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error });
  }
}

const token = () => laptop.token({ sub: "consumer", scope: "admin" });

describe("the tarball", () => {
  test("installs alone, without TypeScript sources or other packages", async () => {
    const path = await project("alone", [], {});
    const modules = join(path, "node_modules");
    expect(readdirSync(modules).filter((name) => !name.startsWith("."))).toEqual(["@stockwire"]);
    expect(readdirSync(join(modules, "@stockwire"))).toEqual(["client"]);
    const files = readdirSync(join(modules, "@stockwire/client"), { recursive: true });
    expect(files.length).toBeGreaterThan(40);
    expect(files.filter((file) => /(?<!\.d)\.tsx?$/.test(String(file)))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "CHANGELOG.md"]));
  });

  test("has types that every kind of resolution finds", async () => {
    const path = await project("attw", ["@arethetypeswrong/cli@0.18.5"], {});
    const output = await bin(path, "attw", "--profile", "esm-only", "--no-color", tarball);
    for (const name of ["client", "client/live", "client/react"]) {
      expect(output).toMatch(new RegExp(`"@stockwire/${name}" +│ 🟢 \\(ESM\\) +│ 🟢 `));
    }
  });

  test("compiles with TypeScript 5.0 and no other types than those of the browser", async () => {
    const path = await project("oldest", ["typescript@5.0.4"], {
      compilerOptions: {
        ...STRICT,
        module: "ESNext",
        moduleResolution: "bundler",
        lib: ["ES2022", "DOM"],
        types: [],
        noEmit: true,
      },
      include: ["scenario.ts"],
    });
    copy(path, "scenario.ts");
    expect(await bin(path, "tsc")).toBe("");
  });
});

describe("a program", () => {
  let path: string;
  beforeAll(async () => {
    path = await project(
      "program",
      ["typescript@7.0.2", "@types/node@24.19.2", "ws@8.23.0", "@types/ws@8.18.2"],
      {
        compilerOptions: {
          ...STRICT,
          module: "nodenext",
          lib: ["ES2022"],
          types: ["node"],
          outDir: "dist",
        },
        include: ["*.ts"],
      },
    );
    copy(path, "scenario.ts", "program.ts", "worker.ts");
    await bin(path, "tsc");
  });

  test.each(Object.entries(runtimes))(
    "runs on %s: calls, changes, a cut and a collection",
    async (_, [program, ...before]) => {
      const args = [...before, "dist/program.js", proxy.url, token(), proxy.cutUrl];
      const child = spawn(program, args, { cwd: path, stdio: ["ignore", "pipe", "pipe"] });
      onTestFinished(() => void child.kill("SIGKILL"));
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk) => (output += String(chunk)));
      }
      const [code] = (await once(child, "close")) as [number | null];
      expect([code, output.trim()]).toEqual([0, "everything is as it must be"]);
    },
  );

  test("runs on workerd", async () => {
    const port = await freePort();
    const modules = ["worker.js", "scenario.js"];
    const client = join(path, "node_modules/@stockwire/client");
    const packaged = readdirSync(client, { recursive: true }).map(String);
    for (const file of packaged.filter((one) => one.endsWith(".js"))) {
      modules.push(`@stockwire/client/${file}`);
    }
    // A worker has no node_modules: the two imports of the package get the names of its files.
    const script = join(path, "dist/scenario.js");
    const text = readFileSync(script, "utf8")
      .replaceAll('"@stockwire/client"', '"./@stockwire/client/http.js"')
      .replaceAll('"@stockwire/client/live"', '"./@stockwire/client/live.js"');
    writeFileSync(script, text);
    cpSync(client, join(path, "dist/@stockwire/client"), { recursive: true });
    const embedded = modules
      .filter((name) => !/react/.test(name))
      .map((name) => `(name = "${name}", esModule = embed "dist/${name}")`);
    const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${embedded.join(", ")}],
  compatibilityDate = "2026-01-01",
);
`;
    writeFileSync(join(path, "config.capnp"), config);
    const child = spawn(workerd, ["serve", "config.capnp"], { cwd: path, stdio: "inherit" });
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    const query = new URLSearchParams({ baseUrl: proxy.url, token: token(), cutUrl: proxy.cutUrl });
    const url = `http://127.0.0.1:${port}/?${query.toString()}`;
    await vi.waitUntil(
      () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          () => true,
          () => false,
        ),
      {
        timeout: 30_000,
      },
    );
    expect(await (await fetch(url)).text()).toBe("everything is as it must be");
  });
});

test("the example of the README is built by Vite in a strict project with React", async () => {
  const packages = ["react@19.3.1", "react-dom@19.3.1", "@types/react@19.3.3"];
  const tools = ["@types/react-dom@19.3.0", "typescript@5.9.3", "vite@8.3.8"];
  const path = await project("page", [...packages, ...tools], {
    compilerOptions: {
      ...STRICT,
      module: "ESNext",
      moduleResolution: "bundler",
      lib: ["ES2022", "DOM", "DOM.Iterable"],
      types: ["vite/client"],
      jsx: "react-jsx",
      noEmit: true,
    },
    include: ["src"],
  });
  const readme = readFileSync(join(import.meta.dirname, "../../client/README.md"), "utf8");
  const example = /```tsx\n(import \{ createRoot \}[\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(example.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(13);
  mkdirSync(join(path, "src"));
  writeFileSync(join(path, "src/main.tsx"), example);
  cpSync(join(fixture, "strict.tsx"), join(path, "src/strict.tsx"));
  const html =
    '<!doctype html><div id="root"></div><script type="module" src="/src/main.tsx"></script>';
  writeFileSync(join(path, "index.html"), html);
  await bin(path, "tsc");
  await bin(path, "vite", "build");
  expect(existsSync(join(path, "dist/index.html"))).toBe(true);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
