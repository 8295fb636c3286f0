import type { TestProject } from "vitest/node";
import { startLaptop } from "./laptop.ts";

declare module "vitest" {
  interface ProvidedContext {
    laptop: string;
    partnerKey: string;
  }
}

/**
 * Starts one laptop for all files. It serves the console, and is the stage unless BASE_URL names a
 * deployed one. A deployed stage must allow the console's origin: http://localhost:3000, or with
 * the port of CONSOLE_PORT.
 */
export default async function setup(project: TestProject) {
  const { STAGE_URL, CONSOLE_PORT = "3000" } = process.env;
  const laptop = await startLaptop(STAGE_URL ? CONSOLE_PORT : "0");
  project.provide("laptop", laptop.url);
  project.provide("partnerKey", laptop.partnerKey);
  return () => laptop.close();
}
