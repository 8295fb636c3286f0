/**
 * Replaces the Pulumi command under `sst diff`. `stack init` writes an empty state. `preview` runs
 * the program that SST bundled on Pulumi's mock monitor, and writes all registered resources to the
 * file EVALUATION.
 */

import crypto from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { dataSource, idOf, outputsOf, type Values } from "./mock.ts";

/** The part of Pulumi's API that is used here. Its types are only in the generated platform. */
interface Pulumi {
  runtime: {
    setMocks: (mocks: object, project: string, stack: string, preview: boolean) => Promise<void>;
    setConfig: (key: string, value: string) => void;
    getMonitor: () => Monitor;
    runInPulumiStack: (run: () => Promise<unknown>) => Promise<unknown>;
    specialSigKey: string;
    specialSecretSig: string;
    specialAssetSig: string;
    specialArchiveSig: string;
  };
}
type Answer = (error: unknown, response: { getUrn: () => string }) => void;
interface Struct {
  toJavaScript: () => unknown;
}
interface Request {
  getType: () => string;
  getName: () => string;
  getUrn: () => string;
  getObject: () => Struct;
  getProperties: () => Struct;
  getOutputs: () => Struct;
  getProtect: () => boolean;
  getRetainondelete: () => boolean;
  getIgnorechangesList: () => string[];
  getDependenciesList: () => string[];
}
type Call = (request: Request, answer: Answer) => void;
interface Monitor {
  newUrn: (parent: string, type: string, name: string) => string;
  registerResource: Call;
  readResource: Call;
  registerResourceOutputs: Call;
}

const args = process.argv.slice(2);
const option = (name: string): string => args[args.indexOf(name) + 1] ?? "";
const stateDir = (process.env["PULUMI_BACKEND_URL"] ?? "").replace("file://", "");
const stateFile = (project: string, stack: string) =>
  join(stateDir, ".pulumi/stacks", project, `${stack}.json`);

if (args[0] === "stack" && args[1] === "init") init(args[2] ?? "");
else if (args[0] === "preview") await preview();

function init(name: string): void {
  const [, project = "", stack = ""] = name.split("/");
  const file = stateFile(project, stack);
  const manifest = { time: "2026-01-01T00:00:00Z", magic: "", version: "v3.215.0" };
  mkdirSync(dirname(file), { recursive: true });
  const checkpoint = { stack: name, latest: { manifest } };
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint }));
}

async function preview(): Promise<void> {
  const [, project = "", stack = ""] = option("--stack").split("/");
  const program = /^main: (.*)$/m.exec(readFileSync("Pulumi.yaml", "utf8"))?.[1] ?? "";
  const scratch = dirname(dirname(program)); // .sst
  const { runtime } = createRequire(program)("@pulumi/pulumi") as Pulumi;
  // Physical names end with random letters. Make them the same in each run.
  crypto.randomBytes = (size: number) => Buffer.alloc(size);
  console.log = console.warn = (...words: unknown[]) =>
    void process.stderr.write(`${words.join(" ")}\n`);

  const unknown: string[] = [];
  const mocks = {
    newResource: ({ type, name, inputs, id }: Values) => {
      const [kind, logical] = [String(type), String(name)];
      return {
        id: typeof id === "string" && id !== "" ? id : idOf(kind, logical),
        state: outputsOf(kind, (inputs ?? {}) as Values, logical),
      };
    },
    call: ({ token, inputs }: Values) => {
      const answer = dataSource(String(token), inputs as Values);
      if (answer === undefined) unknown.push(String(token));
      return answer ?? {};
    },
  };
  // No preview, although the command is: a preview skips `apply` on unknown outputs.
  await runtime.setMocks(mocks, project, stack, false);
  const config: Record<string, string> = {};
  args.forEach((arg, index) => {
    const [key = "", ...value] = (args[index + 1] ?? "").split("=");
    if (arg !== "--config") return;
    runtime.setConfig(key, value.join("="));
    config[key] = value.join("=");
  });

  const monitor = runtime.getMonitor();
  // As in Pulumi's engine, a URN has the type of the direct parent only. SST reads a link's type
  // from it.
  monitor.newUrn = (parent, type, name) => {
    const of = parent.split("::")[2] ?? "";
    const path = of === "" || of === "pulumi:pulumi:Stack" ? type : `${of}$${type}`;
    return `urn:pulumi:${stack}::${project}::${path}::${name}`;
  };

  /** Converts to JSON: unwraps secrets, and replaces assets by their paths. */
  const plain = (value: unknown): unknown => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(plain);
    const members = value as Values;
    const signature = members[runtime.specialSigKey];
    if (signature === runtime.specialSecretSig) return plain(members["value"]);
    if (signature === runtime.specialAssetSig || signature === runtime.specialArchiveSig) {
      const { path } = members;
      return { asset: typeof path === "string" ? relative(scratch, path) : "inline" };
    }
    const kept = Object.entries(members).filter(([name]) => name !== "__provider");
    return Object.fromEntries(kept.map(([name, each]) => [name, plain(each)]));
  };

  const short = (urn: string) => urn.split("::").slice(2).join("::");
  const resources: object[] = [];
  const record = (request: Request, urn: string, read: boolean) =>
    resources.push({
      type: request.getType(),
      name: request.getName(),
      id: short(urn),
      read,
      inputs: plain((read ? request.getProperties() : request.getObject()).toJavaScript()),
      ...(!read && {
        protect: request.getProtect(),
        retainOnDelete: request.getRetainondelete(),
        ignoreChanges: request.getIgnorechangesList(),
        dependsOn: request.getDependenciesList().map(short),
      }),
    });
  for (const kind of ["registerResource", "readResource"] as const) {
    const original = monitor[kind].bind(monitor);
    monitor[kind] = (request, answer) =>
      original(request, (error, response) => {
        try {
          if (!error) record(request, response.getUrn(), kind === "readResource");
        } catch (thrown) {
          failures.push(thrown); // rethrown here, it would keep the program waiting for ever
        }
        answer(error, response);
      });
  }

  const failures: unknown[] = [];
  process.on("unhandledRejection", (error) => failures.push(error));
  process.on("uncaughtException", (error) => failures.push(error));
  let outputs: unknown;
  process.once("beforeExit", () => {
    const messages = [...new Set(failures)].map((error) =>
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
    const result = {
      outputs: plain(outputs ?? {}),
      resources,
      config,
      unknown,
      failures: messages,
    };
    writeFileSync(process.env["EVALUATION"] ?? "", JSON.stringify(result));
    process.exit(failures.length > 0 ? 1 : 0);
  });
  try {
    outputs = await runtime.runInPulumiStack(async () => {
      const module = (await import(pathToFileURL(program).href)) as { default: unknown };
      return module.default;
    });
  } catch (error) {
    failures.push(error);
  }
}
