/** The stage that the tests run against: the laptop, or the deployed stage of BASE_URL. */

import { type Client, createClient, unwrap } from "@stockwire/client/http";
import { inject } from "vitest";
import { SCOPES } from "../src/catalog.ts";

const { STAGE_URL = "", LIVE_URL = "", TOKEN = "" } = process.env;
export const isLaptop = STAGE_URL === "";

/** The base URL of the HTTP API; `laptop` is the URL of the laptop. */
export const apiUrl = (laptop: string): string => (isLaptop ? laptop : STAGE_URL);

/** A token with all scopes but `admin`, issued by the laptop as for its own console. */
export async function issueToken(laptop: string): Promise<string> {
  if (!isLaptop) return TOKEN;
  const scopes = SCOPES.filter((scope) => scope !== "admin");
  const response = await fetch(`${laptop}/console/token`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      origin: laptop,
      "sec-fetch-site": "same-origin",
    },
    body: JSON.stringify({ scopes, sub: "e2e", ttl: 3600 }),
  });
  const { token } = (await response.json()) as { token: string };
  return token;
}

/** A client of the same stage beside the browser. */
export async function secondClient(laptop = inject("laptop")): Promise<Client> {
  return createClient({ baseUrl: apiUrl(laptop), token: await issueToken(laptop) });
}

/** The address of a page of the console. `token` is set if the test must enter it there. */
export function pageAddress(path: string, laptop: string): { address: string; token?: string } {
  if (isLaptop) return { address: `${laptop}/console#/${path}` };
  const query = new URLSearchParams({ api: STAGE_URL, live: LIVE_URL });
  return { address: `${laptop}/console?${query.toString()}#/${path}`, token: TOKEN };
}

let count = 0;
export const uniqueName = (name: string): string =>
  `${name} ${Date.now().toString(36)}${(count++).toString(36)}`;

export async function createProduct(
  http: Client,
  initialQuantity: number,
  name = uniqueName("Thing"),
) {
  const json = { name, price: 12.5, category: "Tests", initialQuantity };
  return unwrap(http.products.$post({ json }));
}

const ATOMIC = 25; // entries of an atomic batch
const PARALLEL = 4; // requests

/** Creates many products in atomic batches, and returns their ids. An overloaded server is asked again. */
export async function createProducts(
  http: Client,
  total: number,
  productOf: (index: number) => { name: string; category: string; sku: string },
  initialQuantity: number,
): Promise<Set<string>> {
  const ids = new Set<string>();
  const starts = Array.from({ length: Math.ceil(total / ATOMIC) }, (_, n) => n * ATOMIC).values();
  const work = async () => {
    for (const from of starts) {
      const items = Array.from({ length: Math.min(ATOMIC, total - from) }, (_, index) => ({
        ...productOf(from + index),
        price: 1,
        initialQuantity,
      }));
      const made = await unwrap(http.products.batch.$post({ json: { items, atomic: true } }));
      for (const { record } of made.results) if (record) ids.add(record.id);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return ids;
}
