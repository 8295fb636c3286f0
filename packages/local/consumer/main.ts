/**
 * `npm run test:client`: packs the client, installs it into projects outside of this repository, and
 * runs it there on each runtime, against a server on this machine. It needs the npm registry.
 */

import { startVitest } from "vitest/node";

const USAGE = `Usage: npm run test:client

Installs the packed client into new projects, which check its types and run it on Node 20, 22
and 24, Bun, Deno and workerd, and with Vite and React. Needs the npm registry; the runtimes are
kept in node_modules/.cache (700 MB).`;

if (process.argv.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}

const vitest = await startVitest("test", [], {
  root: import.meta.dirname,
  config: false,
  run: true,
  include: ["*.test.ts"],
  testTimeout: 180_000,
  hookTimeout: 600_000,
});
await vitest.close();
