/** Who can sign in on the laptop, and the client through which its console and other pages do so. */

import { scopes } from "@stockwire/functions/api/policy";
import type { PublicClient } from "./issuer/client.ts";

/** As for the browser client of a stage (infra/auth.ts), these are all scopes but `admin`. */
const usual = scopes.filter((scope) => scope !== "admin");

export const browserClient: PublicClient = {
  id: "stockwire-console",
  redirectPaths: ["/console", "/callback"],
  scopes: usual,
  users: [
    { sub: "jane", name: "Jane Smith", email: "jane@example.com", scopes: usual },
    {
      sub: "john",
      name: "John Doe",
      email: "john@example.com",
      scopes: usual.filter((scope) => scope.startsWith("read:")),
    },
    { sub: "nina", name: "Nina New", email: "nina@example.com", scopes: [] },
  ],
};
