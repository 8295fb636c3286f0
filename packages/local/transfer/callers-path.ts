import { resolve } from "node:path";

/** A path that the user has given: npm runs commands in the checkout, wherever they were called. */
export const callersPath = (path: string): string =>
  resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
