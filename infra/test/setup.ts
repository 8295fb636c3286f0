/** Evaluates every stage offline, once for all tests of the infra project. */

import { cp, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
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
    /** The folder in which `evaluated` waits for the results. */
    evaluated: string;
  }
}

/** What the tests compare. */
export interface Evaluated {
  stages: Evaluation[];
  /** The resources under `sst dev`. */
  underSstDev: Evaluation;
  /** The stage `prod` in a fresh account, with a domain, without origins, with held aliases. */
  fresh: Evaluation;
  /** The stage `dev` once more, from another commit. */
  second: Evaluation;
  /** What `sst diff` prints for stages that are refused, by their names. */
  refusals: Record<string, string>;
}

/** Settings of each stage's account. Together they use every setting. */
const STAGES: Readonly<Record<string, Record<string, string>>> = {
  dev: {},
  staging: {
    STOCKWIRE_ISSUER: "https://login.shop.example/realm",
    STOCKWIRE_AUDIENCE: "stockwire",
    STOCKWIRE_PROVISIONED: "2",
    STOCKWIRE_RESERVED: "20",
    STOCKWIRE_PARTNER: "1",
    STOCKWIRE_PARTNER_DENIED: "203.0.113.0/24,2001:db8::/32",
    STOCKWIRE_PARTNER_CACHE: "0.5",
    STOCKWIRE_PARTNER_FIREWALL: "1",
    STOCKWIRE_PARTNER_READERS: "50",
  },
  production: {
    STOCKWIRE_DOMAIN: "shop.example",
    STOCKWIRE_ORIGINS: "https://shop.example,https://admin.shop.example",
    STOCKWIRE_ALARM_EMAIL: "ops@shop.example",
    STOCKWIRE_PARTNER: "1",
  },
};

/** Names that AWS or the settings refuse, and a protected stage without an address for alarms. */
const REFUSED = ["Ana", "aws-test", "prod"];

/**
 * Starts the evaluation and lets the tests of other projects run meanwhile: it takes a minute or
 * more. The results are files in a folder: `bundles`, a copy of the functions that SST built, and
 * `evaluated.json`, or `failed.txt`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "stockwire-infra-"));
  project.provide("evaluated", folder);
  const work = evaluateAll(join(folder, "bundles")).then(
    (evaluated) => publish(folder, "evaluated.json", JSON.stringify(evaluated)),
    (error: unknown) => publish(folder, "failed.txt", messageOf(error)),
  );
  return async () => {
    await work;
    await rm(folder, { recursive: true });
  };
}

/** Writes a file that no reader sees half written. */
async function publish(folder: string, name: string, text: string): Promise<void> {
  await writeFile(join(folder, `.${name}`), text);
  await rename(join(folder, `.${name}`), join(folder, name));
}

/** Evaluates the stages one by one, and one run at a time: SST always builds into one folder. */
async function evaluateAll(bundles: string): Promise<Evaluated> {
  const lock = await lockArtifacts();
  try {
    await preparePlatform();
    const evaluations: Evaluation[] = [];
    const { EVALUATE_ONLY: only } = process.env; // set by `npm run mutants`, to save most of the time
    for (const [stage, account] of Object.entries(STAGES)) {
      if (only === undefined || only === stage) evaluations.push(await evaluate(stage, account));
    }
    const [one] = evaluations;
    if (only !== undefined && one !== undefined) {
      return { stages: [one], underSstDev: one, fresh: one, second: one, refusals: {} };
    }
    await cp(join(root, ".sst/artifacts"), bundles, { recursive: true });
    const underSstDev = await evaluate("live", { STOCKWIRE_PARTNER: "1" }, { dev: true });
    const settings = {
      STOCKWIRE_DOMAIN: "shop.example",
      STOCKWIRE_ALARM_EMAIL: "none",
      STOCKWIRE_HOLD: "1",
      STOCKWIRE_PARTNER: "1",
      STOCKWIRE_PARTNER_ENDPOINT: "vpce-0123456789abcdef0",
      STOCKWIRE_PARTNER_DENIED: "10.0.8.0/24",
    };
    const fresh = await evaluate("prod", settings, { isFresh: true });
    const second = await evaluate("dev", { COMMIT: "abc1234" });
    const refusals: Record<string, string> = {};
    for (const stage of REFUSED) {
      refusals[stage] = await evaluate(stage).then(() => "", messageOf);
    }
    return { stages: evaluations, underSstDev, fresh, second, refusals };
  } finally {
    await lock.release();
  }
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
