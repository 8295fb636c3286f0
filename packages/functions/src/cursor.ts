import * as SignedToken from "@stockwire/core/store/signed-token";
import { config } from "./runtime.ts";

/** For the functions that sign or read cursors: the others are not given the secret. */
export function signCursors(): void {
  const { CURSOR_SECRET: secret } = config;
  if (secret === undefined) throw new Error("Configuration: CURSOR_SECRET is needed here");
  SignedToken.configure(secret);
}
