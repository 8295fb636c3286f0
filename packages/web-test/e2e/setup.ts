import type { TestProject } from "vitest/node";
import { startLaptop } from "./laptop.ts";

declare module "vitest" {
  interface ProvidedContext {
    laptop: string;
  }
}

/**
 * One laptop for all files: it serves the console, and is the stage unless BASE_URL names one. That
 * must permit the console's origin: http://localhost:3000, or the port in CONSOLE_PORT.
 */
export default async function setup(project: TestProject) {
  const { STAGE_URL, CONSOLE_PORT = "3000" } = process.env;
  const laptop = await startLaptop(STAGE_URL ? CONSOLE_PORT : "0");
  project.provide("laptop", laptop.url);
  return () => laptop.close();
}
