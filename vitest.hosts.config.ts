/**
 * `npm run test:hosts`: the contract on every host that docs/hosts.md describes. Not part of `npm test`,
 * because it fetches the runtimes.
 */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    maxWorkers: 2, // as vitest.config.ts
    testTimeout: 60_000,
    hookTimeout: 60_000,
    include: ["packages/local/test/contract/*.test.ts", "packages/local/test/hosts/*.test.ts"],
    globalSetup: ["packages/local/test/engine.ts", "packages/local/test/hosts/setup.ts"],
  },
});
