/** Starts the hosts of the HTTP API as processes, as docs/hosts.md says. */

import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { buildWorker } from "../../../functions/scripts/worker.ts";
import { ROOT } from "../../server-registry.ts";
import { cleanEnv } from "../program.ts";
import type { Runtimes } from "./runtime.ts";

const HOSTS = join(ROOT, "packages/functions/src/hosts");

export interface RunningHost {
  url: string;
  /** All lines of its standard output and standard error. */
  output: string[];
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or null if a signal ended it. */
  ended: Promise<number | null>;
  /** Ends it and resolves when it has ended. */
  close(): Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

const isPort = (port: string | undefined): port is string => port !== undefined;

/** Starts a program, and resolves when a line names its port. */
async function start(
  program: string,
  args: readonly string[],
  env: Environment,
  portIn: (line: string) => string | undefined,
): Promise<RunningHost> {
  const stdio: StdioOptions = ["ignore", "pipe", "pipe", "pipe"];
  const child: ChildProcess = spawn(program, args, {
    cwd: ROOT,
    env: { ...cleanEnv, HOME: tmpdir(), ...env },
    stdio,
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const output: string[] = [];
  const port = await new Promise<string>((resolve, reject) => {
    for (const stream of child.stdio.slice(1) as Readable[]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        const found = portIn(line);
        if (isPort(found)) resolve(found);
      });
    }
    child.once("error", reject);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${output.join("\n")}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    output,
    kill: (signal) => void child.kill(signal),
    ended,
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const ready = (line: string) => /^Stockwire is ready: http:\/\/localhost:(\d+)$/.exec(line)?.[1];

/** Starts the host for Node. */
export const startNode = (env: Environment, args: readonly string[] = []): Promise<RunningHost> =>
  start(process.execPath, [join(HOSTS, "node.ts"), "--port", "0", ...args], env, ready);

const startBun = ({ bun }: Runtimes, env: Environment) =>
  start(bun, [join(HOSTS, "bun.ts"), "--port", "0"], env, ready);

const startDeno = ({ deno }: Runtimes, env: Environment) =>
  start(
    deno,
    ["run", "--allow-net", "--allow-env", "--allow-read", "--no-prompt", "--cached-only"].concat(
      join(HOSTS, "deno.ts"),
      "--port",
      "0",
    ),
    env,
    ready,
  );

/** Bundles the Worker and serves it with workerd. Its settings are bindings, not an environment. */
async function startWorkerd({ workerd }: Runtimes, env: Environment): Promise<RunningHost> {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-worker-"));
  await buildWorker(join(folder, "worker.mjs"));
  const bindings = Object.entries(env).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  const file = join(folder, "config.capnp");
  await writeFile(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "api", worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
      compatibilityDate = "2026-11-01",
      compatibilityFlags = ["nodejs_compat"],
      bindings = [${bindings.join(", ")}],
      globalOutbound = "network",
    )),
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "api")],
);
`,
  );
  const host = await start(workerd, ["serve", file, "--control-fd=3"], {}, (line) =>
    line.startsWith("{") ? (JSON.parse(line) as { port?: number }).port?.toString() : undefined,
  );
  return {
    ...host,
    async close() {
      await host.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Every host that is a process, by its name in the tests. */
export const starts: Readonly<
  Record<string, (runtimes: Runtimes, env: Environment) => Promise<RunningHost>>
> = {
  Node: (_, env) => startNode(env),
  Bun: startBun,
  Deno: startDeno,
  workerd: startWorkerd,
};
