import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/{src,local,client,test,scripts}/**/*.test.ts"],
    globalSetup: "packages/functions/test/engine.ts",
    maxWorkers: 2, // much of the time is the engine's and that of servers that start and stop
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
