import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { type Lock, lockFolder } from "@stockwire/local/engine/lock";
import { messageOf } from "@stockwire/local/error";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { preparePlatform, root } from "./platform.ts";

declare module "vitest" {
  interface ProvidedContext {
    evaluations: Evaluation[];
    /** A folder with a copy of `.sst/artifacts`, the functions that SST built. */
    bundles: string;
    /** The resources under `sst dev`. */
    underSstDev: Evaluation;
    /** The stage `prod` in a fresh account, with a domain and without origins. */
    fresh: Evaluation;
    /** The stage `dev` once more, from another commit. */
    second: Evaluation;
    /** What `sst diff` prints for stages that are refused, by their names. */
    refusals: Record<string, string>;
  }
}

/** Settings of each stage's account. Together they use every setting. */
const STAGES: Readonly<Record<string, Record<string, string>>> = {
  dev: {},
  staging: {
    STOCKWIRE_ISSUER: "https://login.shop.example/realm",
    STOCKWIRE_AUDIENCE: "stockwire",
    STOCKWIRE_PROVISIONED: "2",
  },
  production: {
    STOCKWIRE_DOMAIN: "shop.example",
    STOCKWIRE_ORIGINS: "https://shop.example,https://admin.shop.example",
    STOCKWIRE_ALARM_EMAIL: "ops@shop.example",
  },
};

/** Names that AWS or the settings refuse, and a protected stage without an address for alarms. */
const REFUSED = ["Ana", "aws-test", "prod"];

/** Evaluates the stages one by one, and one run at a time: SST always builds into one folder. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const lock = await lockArtifacts();
  const bundles = await mkdtemp(join(tmpdir(), "stockwire-bundles-"));
  try {
    await preparePlatform();
    const evaluations = [];
    for (const [stage, account] of Object.entries(STAGES)) {
      evaluations.push(await evaluate(stage, account));
    }
    project.provide("evaluations", evaluations);
    await cp(join(root, ".sst/artifacts"), bundles, { recursive: true });
    project.provide("bundles", bundles);
    project.provide("underSstDev", await evaluate("live", {}, { dev: true }));
    const domain = { STOCKWIRE_DOMAIN: "shop.example", STOCKWIRE_ALARM_EMAIL: "none" };
    project.provide("fresh", await evaluate("prod", domain, { isFresh: true }));
    project.provide("second", await evaluate("dev", { COMMIT: "abc1234" }));
    const refusals: Record<string, string> = {};
    for (const stage of REFUSED) {
      refusals[stage] = await evaluate(stage).then(() => "", messageOf);
    }
    project.provide("refusals", refusals);
  } finally {
    await lock.release();
  }
  return () => rm(bundles, { recursive: true });
}

const TIMEOUT = 180_000; // ms

async function lockArtifacts(): Promise<Lock> {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    try {
      return await lockFolder(join(root, ".sst/test"));
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(1_000);
    }
  }
}
