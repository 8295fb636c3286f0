import type { TestProject } from "vitest/node";
import { startLaptop } from "./laptop.ts";

declare module "vitest" {
  interface ProvidedContext {
    laptop: string;
  }
}

/** One laptop for all files: it serves the console, and is the stage unless BASE_URL names one. */
export default async function setup(project: TestProject) {
  const laptop = await startLaptop();
  project.provide("laptop", laptop.url);
  return () => laptop.close();
}
