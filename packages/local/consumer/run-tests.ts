/** Runs the tests of one folder apart from `npm test`: they take long, or need what is not in npm ci. */

import { startVitest } from "vitest/node";

interface Options {
  /** Printed, in place of the tests, for --help. */
  usage: string;
  folder: string;
  testTimeout: number; // ms
}

/** Runs all tests of the folder. The exit code is that of vitest. */
export async function runTests({ usage, folder, testTimeout }: Options): Promise<void> {
  if (process.argv.includes("--help")) return void process.stdout.write(`${usage}\n`);
  const vitest = await startVitest("test", [], {
    root: folder,
    config: false,
    run: true,
    include: ["*.test.ts"],
    testTimeout,
    hookTimeout: 600_000, // installs packages
  });
  await vitest.close();
}
