/**
 * `npm run test:client`: packs the client, installs it into projects outside of this repository, and
 * runs it there on each runtime, against a server on this machine. It needs the npm registry.
 */

import { runTests } from "./run-tests.ts";

const USAGE = `Usage: npm run test:client

Installs the packed client into new projects, which check its types and run it on Node 20, 22
and 24, Bun, Deno and workerd, and with Vite and React. Needs the npm registry; the runtimes are
kept in node_modules/.cache (700 MB).`;

await runTests({ usage: USAGE, folder: import.meta.dirname, testTimeout: 180_000 });
