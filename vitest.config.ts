import { defineConfig } from "vitest/config";

const ENGINE = "packages/local/test/engine.ts";

export default defineConfig({
  test: {
    maxWorkers: 2, // much of the time is the engine's and that of servers that start and stop
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "packages",
          include: ["packages/{core,functions,client,gateway,local,web-test/src}/**/*.test.ts"],
          globalSetup: ENGINE,
        },
      },
      {
        extends: true,
        test: {
          name: "infra",
          include: ["infra/test/**/*.test.ts"],
          globalSetup: [ENGINE, "infra/test/setup.ts"],
        },
      },
    ],
  },
});
