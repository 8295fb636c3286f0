/** Runs the programs of this package as a user runs them. */

import { execFile } from "node:child_process";

interface Run {
  /** The exit code. */
  code: unknown;
  stdout: string;
  stderr: string;
}

/** An environment without the settings of the test run. The cache of compiled code only saves time. */
export const cleanEnv = {
  PATH: process.env["PATH"],
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
} as const;

interface Options {
  /** The whole environment; by default that of the test. */
  env?: NodeJS.ProcessEnv;
  /** Options of Node. */
  flags?: readonly string[];
}

/** Runs a program to its end. `file` is the path of its module. */
export function runProgram(
  file: string,
  args: readonly string[],
  { env = process.env, flags = [] }: Options = {},
): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...flags, file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}
