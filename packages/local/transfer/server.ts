/** The server of a transfer: any that speaks the HTTP API, on this machine or elsewhere. */

import { type Client, createClient, ProblemError } from "@stockwire/client";
import { LocalError, messageOf } from "../error.ts";
import { isLoopbackName } from "../loopback.ts";
import { findRunning, openIssuerOf, readPort } from "../server-registry.ts";

/** Options of the command line that name a server. */
export const serverOptions = {
  url: { type: "string" },
  port: { type: "string" },
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

/**
 * Finds the server and a token for it. A redirection is an answer as any other, and not followed: the
 * token and the records are for the server that the user has named. Throws LocalError.
 */
export async function openServer(options: {
  url?: string | undefined;
  port?: string | undefined;
  token?: string | undefined;
}): Promise<Server> {
  const url = (options.url ?? `http://localhost:${readPort(options.port)}`).replace(/\/+$/, "");
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new LocalError("--url must be a URL");
  const given = options.token ?? process.env["STOCKWIRE_TOKEN"];
  const token = given || (await localToken(new URL(url)));
  // Later calls wait for a server that does not answer; here its address is wrong, or it does not run.
  const answer = await send(`${url}/health`).catch((cause: unknown) => {
    throw new LocalError(`no server answers at ${url}`, { cause });
  });
  await answer.body?.cancel();
  return { url, client: createClient({ baseUrl: url, token, fetch: send, ...RETRIES }) };
}

const send = (url: string, init: RequestInit = {}) => fetch(url, { ...init, redirect: "manual" });

/** Why a transfer has ended, in one line. */
export function failureOf(error: unknown): string {
  const where = error instanceof ProblemError ? `the server answered ${error.status}: ` : "";
  return where + messageOf(error);
}

async function localToken({
  hostname,
  port,
  protocol,
}: URL): Promise<(refused?: string) => string> {
  if (!isLoopbackName(hostname)) {
    throw new LocalError("a token is needed: --token or STOCKWIRE_TOKEN");
  }
  const given = port || (protocol === "https:" ? "443" : "80");
  const server = findRunning(given, "npm run dev, or give a token for another one");
  const issuer = await openIssuerOf(server);
  let [token, madeAt] = ["", -Infinity];
  return (refused) => {
    if (refused === token || Date.now() - madeAt > TOKEN_USE) {
      [token, madeAt] = [issuer.sign({ claims: { sub: "transfer", scope: "admin" } }), Date.now()];
    }
    return token;
  };
}
