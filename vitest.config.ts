import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/{src,local,client,test,scripts}/**/*.test.ts"],
    globalSetup: "packages/functions/test/engine.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
