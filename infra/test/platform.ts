import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export const root = join(import.meta.dirname, "../..");
const bin = join(root, "node_modules/.bin");
export const sst = join(bin, "sst");

/**
 * Environment with which SST's command needs no network but the npm registry. Otherwise it would
 * download Pulumi and Bun, and report telemetry.
 */
export const offline = (configHome: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${bin}${delimiter}${process.env["PATH"]}`,
  XDG_CONFIG_HOME: configHome,
  SST_SKIP_DEPENDENCY_CHECK: "1",
  NO_BUN: "1",
  SST_TELEMETRY_DISABLED: "1",
});

/** Generates `.sst/platform`, SST's components and providers, unless it has the right version. */
export async function preparePlatform(): Promise<void> {
  const platform = join(root, ".sst/platform");
  const { version: wanted } = JSON.parse(
    await readFile(join(root, "node_modules/sst/package.json"), "utf8"),
  ) as { version: string };
  const found = await readFile(join(platform, "version"), "utf8").catch(() => undefined);
  const parts = ["config.d.ts", "node_modules/@pulumi/aws", "node_modules/@pulumi/random"];
  if (found === wanted && parts.every((part) => existsSync(join(platform, part)))) return;
  const configHome = await mkdtemp(join(tmpdir(), "stockwire-sst-"));
  try {
    await promisify(execFile)(sst, ["install", "--print-logs"], {
      cwd: root,
      env: { ...offline(configHome), SST_STAGE: "ci" },
      maxBuffer: 1 << 26,
    });
  } finally {
    await rm(configHome, { recursive: true, force: true });
  }
}
