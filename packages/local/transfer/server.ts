/** The server of a transfer: any that speaks the HTTP API, on this machine or elsewhere. */

import { type Client, createClient } from "@stockwire/client";
import { LocalError } from "../error.ts";
import { find, openIssuerOf } from "../server-registry.ts";

/** Options of the command line that name a server. */
export const serverOptions = {
  url: { type: "string" },
  port: { type: "string", default: process.env["PORT"] || "3000" },
  token: { type: "string" },
} as const;

export const SERVER_USAGE = `  --url URL     where the routes begin (default: the server on this machine)
  --port N      port of the server on this machine (default: PORT or 3000)
  --token TEXT  an access token (default: STOCKWIRE_TOKEN; on this machine one is made)`;

export interface Server {
  url: string;
  client: Client;
}

/**
 * Retries within a call, after 429 and 503 as well. Lists of users are limited to 100 requests a second,
 * so a transfer waits for its turn.
 */
const RETRIES = { retries: 20, retryWithin: 120_000 };

/** Ms for which a token of this machine is used; it is valid for an hour. */
const TOKEN_USE = 10 * 60_000;

/** Finds the server and a token for it. Throws LocalError. */
export async function openServer(options: {
  url?: string | undefined;
  port: string;
  token?: string | undefined;
}): Promise<Server> {
  const url = (options.url ?? `http://localhost:${options.port}`).replace(/\/+$/, "");
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new LocalError("--url must be a URL");
  const given = options.token ?? process.env["STOCKWIRE_TOKEN"];
  const token = given || (await localToken(new URL(url)));
  // Later calls wait for a server that does not answer; here its address is wrong, or it does not run.
  const answer = await fetch(`${url}/health`, { redirect: "manual" }).catch((cause: unknown) => {
    throw new LocalError(`no server answers at ${url}`, { cause });
  });
  await answer.body?.cancel();
  return { url, client: createClient({ baseUrl: url, token, ...RETRIES }) };
}

async function localToken({ hostname, port }: URL): Promise<(refused?: string) => string> {
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  const server = isHere ? find(Number(port)) : undefined;
  if (server === undefined) {
    throw new LocalError(
      isHere
        ? `no server of this folder runs on port ${port}: npm run dev, or give a token for another one`
        : "a token is needed: --token or STOCKWIRE_TOKEN",
    );
  }
  const issuer = await openIssuerOf(server);
  let [token, madeAt] = ["", -Infinity];
  return (refused) => {
    if (refused === token || Date.now() - madeAt > TOKEN_USE) {
      [token, madeAt] = [issuer.sign({ claims: { sub: "transfer", scope: "admin" } }), Date.now()];
    }
    return token;
  };
}
