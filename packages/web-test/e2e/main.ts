/** `npm run test:e2e [-- name of a file]`: tests the console in a real browser. */

import { startVitest } from "vitest/node";
import { chromiumPath } from "./chromium.ts";

const HELP = `Usage: npm run test:e2e -- [name of a file]

Tests the console in Chromium, on a server on this machine, or with BASE_URL, LIVE_URL and TOKEN on a stage.`;

if (process.argv.includes("--help")) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}
if (chromiumPath() === undefined) {
  process.stderr.write(
    "Chromium was not found: run `apt-get install -y chromium`, or set CHROMIUM to its path\n",
  );
  process.exit(1);
}
// Vitest sets BASE_URL itself, so the tests read another name.
process.env["STAGE_URL"] = process.env["BASE_URL"] ?? "";
if (process.env["STAGE_URL"] && !(process.env["LIVE_URL"] && process.env["TOKEN"])) {
  process.stderr.write("With BASE_URL, set LIVE_URL (wss://…) and TOKEN (an access token) too\n");
  process.exit(1);
}

const vitest = await startVitest("test", process.argv.slice(2), {
  root: new URL("..", import.meta.url).pathname,
  config: false,
  run: true,
  include: ["e2e/*.test.ts"],
  globalSetup: ["e2e/setup.ts"],
  fileParallelism: false,
  testTimeout: 180_000, // most tests take a few seconds on a machine with time to spare
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000, interval: 50 } },
});
await vitest.close();
