import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCloud } from "./cloud.ts";
import { REGION } from "./mock.ts";
import { offline, root, sst } from "./platform.ts";

/** A resource as the program registered it. */
export interface Resource {
  type: string; // aws:lambda/function:Function
  name: string;
  id: string; // types of parent and resource, then the name, as in a Pulumi URN
  /** True for an existing resource that is only looked up. */
  read: boolean;
  // oxlint-disable-next-line typescript/no-explicit-any -- each type of resource has another shape
  inputs: Record<string, any>;
  protect?: boolean;
  retainOnDelete?: boolean;
  /** Inputs that a deploy leaves as they are. */
  ignoreChanges?: string[];
  dependsOn?: string[];
}

export interface Evaluation {
  stage: string;
  outputs: Record<string, string>;
  resources: Resource[];
  /** The providers' configuration, such as region and tags. */
  config: Record<string, string>;
}

/**
 * Lists all resources of a stage. Runs the real `sst diff` with SST's real components and builds;
 * only AWS, which holds SST's state, and the Pulumi command are replaced. Builds go to
 * `.sst/artifacts`, so callers evaluate one stage at a time. `dev` evaluates `sst dev`, which builds
 * nothing. `isFresh` evaluates in an account that has never used API Gateway. Throws an error with all failures of the program and the command.
 */
export async function evaluate(
  stage: string,
  account: Record<string, string> = {},
  { dev = false, isFresh = false } = {},
): Promise<Evaluation> {
  const scratch = await mkdtemp(join(tmpdir(), "stockwire-evaluate-"));
  const cloud = await startCloud();
  const file = join(scratch, "evaluation.json");
  try {
    const pulumi = join(scratch, "sst/bin/pulumi"); // the path where SST expects it
    await mkdir(join(pulumi, ".."), { recursive: true });
    const script = join(import.meta.dirname, "pulumi.ts");
    await writeFile(pulumi, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
    await chmod(pulumi, 0o755);
    const { code, output } = await run(
      ["diff", "--stage", stage, "--print-logs", ...(dev ? ["--dev"] : [])],
      {
        ...offline(scratch),
        STOCKWIRE_ACCOUNT: JSON.stringify(account), // overrides the developer's `.env` files
        AWS_PROFILE: undefined,
        AWS_SESSION_TOKEN: undefined,
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        AWS_REGION: REGION,
        AWS_ENDPOINT_URL: cloud.endpoint,
        EVALUATION: file,
        FRESH_ACCOUNT: isFresh ? "1" : undefined,
      },
    );
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) throw new Error(`sst diff ended with ${code}:\n${output}`);
    const { outputs, resources, config, unknown, failures } = JSON.parse(text) as Evaluation & {
      unknown: string[];
      failures: string[];
    };
    const faults = [
      ...failures,
      ...unknown.map((token) => `mock.ts has no data source ${token}`),
      ...cloud.unexpected.map((call) => `cloud.ts has no answer for ${call}`),
    ];
    if (faults.length > 0) throw new Error(`sst diff --stage ${stage}:\n${faults.join("\n")}`);
    const sorted = resources.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    return { stage, outputs, config, resources: sorted };
  } finally {
    await cloud.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

function run(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(sst, args, { cwd: root, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}
