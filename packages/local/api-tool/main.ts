/**
 * `npm run test:api`: the API's descriptions under the default rules of linters, and through generators of
 * clients. It needs the npm registry.
 */

import { startVitest } from "vitest/node";

const USAGE = `Usage: npm run test:api

Runs Redocly and Spectral with their default rules over /openapi.json in both versions and over
/asyncapi.json, and type-checks what openapi-typescript, @hey-api/openapi-ts and orval generate. Needs the
npm registry; the tools are kept in node_modules/.cache (250 MB).`;

if (process.argv.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}

const vitest = await startVitest("test", [], {
  root: import.meta.dirname,
  config: false,
  run: true,
  include: ["*.test.ts"],
  testTimeout: 300_000,
  hookTimeout: 600_000,
});
await vitest.close();
