/**
 * `npm run test:api`: the API's descriptions under the default rules of linters, and through generators of
 * clients. It needs the npm registry.
 */

import { runTests } from "../consumer/run-tests.ts";

const USAGE = `Usage: npm run test:api

Runs Redocly and Spectral with their default rules over /openapi.json in both versions and over
/asyncapi.json, and type-checks what openapi-typescript, @hey-api/openapi-ts and orval generate. Needs the
npm registry; the tools are kept in node_modules/.cache (250 MB).`;

await runTests({ usage: USAGE, folder: import.meta.dirname, testTimeout: 300_000 });
