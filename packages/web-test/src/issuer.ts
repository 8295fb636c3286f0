/** The laptop's issuer, which gives its own console tokens; a deployed stage does not. */

import { type Scope, SCOPES } from "./catalog.ts";
import { targetOf } from "./target.ts";

export const canIssueTokens = targetOf(location).isLaptop;

export interface TokenRequest {
  scopes: readonly Scope[];
  sub: string;
  ttl: number; // seconds
}

export const FULL_ACCESS: TokenRequest = {
  scopes: SCOPES.filter((scope) => scope !== "admin"),
  sub: "console",
  ttl: 3600,
};

/** Has the laptop issue a token. The page's session stays as it is. */
export async function issueToken(request: TokenRequest): Promise<string> {
  const response = await fetch("/console/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const { token, message } = (await response.json()) as { token?: string; message?: string };
  if (token === undefined) throw new Error(message ?? `The laptop answered ${response.status}`);
  return token;
}
