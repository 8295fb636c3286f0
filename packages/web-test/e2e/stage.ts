import { type Client, createClient, unwrap } from "@stockwire/client/http";
import { inject } from "vitest";

/** What the tests run against: the laptop, or the deployed stage of BASE_URL. */

const { STAGE_URL = "", LIVE_URL = "", TOKEN = "" } = process.env;
export const isLaptop = STAGE_URL === "";

/** Where requests go. */
export const apiOf = (url: string): string => (isLaptop ? url : STAGE_URL);

const SCOPES =
  "read:users write:users read:products write:products read:inventory write:inventory reserve:inventory read:items write:items read:history publish:channels";

/** A token by the way of the console's own page. */
export async function tokenOf(url: string): Promise<string> {
  if (!isLaptop) return TOKEN;
  const answer = await fetch(`${url}/console/token`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      origin: url,
      "sec-fetch-site": "same-origin",
    },
    body: JSON.stringify({ scopes: SCOPES.split(" "), sub: "e2e", ttl: 3600 }),
  });
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Somebody else than the browser, on the same stage. */
export async function someone(url = inject("laptop")): Promise<Client> {
  return createClient({ baseUrl: apiOf(url), token: await tokenOf(url) });
}

/** The address of a page, and the token that it must be given. */
export function addressOf(path: string, url: string): { address: string; token?: string } {
  if (isLaptop) return { address: `${url}/console#/${path}` };
  const query = new URLSearchParams({ api: STAGE_URL, live: LIVE_URL });
  return { address: `${url}/console?${query.toString()}#/${path}`, token: TOKEN };
}

let count = 0;
export const unique = (name: string): string =>
  `${name} ${Date.now().toString(36)}${(count++).toString(36)}`;

/** A product of which so many are in stock. */
export async function productOf(http: Client, initialQuantity: number, name = unique("Thing")) {
  const json = { name, price: 12.5, category: "Tests", initialQuantity };
  return unwrap(http.products.$post({ json }));
}
