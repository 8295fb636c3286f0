/**
 * Three projects, which together run each test once. `unit` needs no database and starts in about a
 * second; `packages` and `infra` share an engine, which their global set-up starts.
 */

import { join } from "node:path";
import { defineConfig } from "vitest/config";

const ENGINE = "packages/local/test/engine.ts";

/** A test beside its source in a package's src/, and every test of the client, needs no engine. */
const UNIT = ["packages/*/src/**/*.test.ts", "packages/client/**/*.test.ts"];

export default defineConfig({
  test: {
    maxWorkers: 2, // more do not help: the engine and the started servers need the CPU as well
    // Programs that tests start read their compiled code from a cache, which halves their CPU time.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["packages/{core,functions,client}/src/**/*.ts", "packages/{gateway,local}/**/*.ts"],
      exclude: ["**/test/**", "**/*.test.ts", "**/*.d.ts"],
      reporter: ["text"],
    },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: UNIT,
          exclude: ["**/node_modules/**"],
          // Also beside the other projects, whose set-up starts an engine.
          env: { DYNAMODB_ENDPOINT: "", DATA_TABLE: "", CHANGES_TABLE: "" },
          isolate: false, // saves a third of the time; pure tests do not affect each other
        },
      },
      {
        extends: true,
        test: {
          name: "packages",
          include: ["packages/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "packages/{web-test/e2e,local/consumer,local/api-tool,local/test/hosts}/**", // slow: test:e2e, :client, :api, :hosts
            ...UNIT,
          ],
          globalSetup: ENGINE,
        },
      },
      {
        extends: true,
        test: {
          name: "infra",
          sequence: { groupOrder: 1 }, // last: its set-up evaluates the stages meanwhile
          include: ["infra/test/**/*.test.ts"],
          globalSetup: [ENGINE, "infra/test/setup.ts"],
        },
      },
    ],
  },
});
