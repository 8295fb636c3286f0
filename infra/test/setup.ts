import type { TestProject } from "vitest/node";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { preparePlatform } from "./platform.ts";

declare module "vitest" {
  interface ProvidedContext {
    evaluations: Evaluation[];
    /** What `sst dev` has in the cloud. */
    underSstDev: Evaluation;
  }
}

/** What the account of each stage is told: all that there is, once. */
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

/** One stage after the other: each builds into the same folder. */
export default async function setup(project: TestProject): Promise<void> {
  await preparePlatform();
  const evaluations = [];
  for (const [stage, account] of Object.entries(STAGES)) {
    evaluations.push(await evaluate(stage, account));
  }
  const live = await evaluate("live", {}, { dev: true });
  project.provide("underSstDev", live);
  project.provide("evaluations", evaluations);
}
