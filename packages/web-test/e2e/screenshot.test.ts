/** Each page of the console on a desktop and on a phone, with the pictures of docs/console. */

import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLaptop } from "./laptop.ts";
import { checkPicture, hasFontsOfPictures } from "./picture.ts";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
import { findRow, noticeText, openBrowser, openWindow, type Window } from "./window.ts";

const SIZES = {
  "": { width: 1100, height: 690 },
  "-phone": { width: 390, height: 780 },
};

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

interface Records {
  http: Client;
  atlas: { id: string };
  reservation: { id: string };
  user: { id: string };
}

/** Creates what the pictures show, besides the demo data. */
async function createRecords(url: string): Promise<Records> {
  const http = await secondClient(url);
  const atlas = await createProduct(http, 14, "Atlas");
  const { adjustments, $put: setLevel } = http.inventory[":productId"];
  const param = { productId: atlas.id };
  for (const delta of [-3, -2, 6, -5, -1, 4, -6]) {
    const json = { delta, reason: delta > 0 ? "received" : "sold" };
    await unwrap(adjustments.$post({ param, json }));
  }
  await unwrap(setLevel({ param, json: { quantity: 7, reorderPoint: 8 } }));
  const lamp = await createProduct(http, 40, "Reading lamp");
  const lines = [
    { productId: atlas.id, quantity: 2 },
    { productId: lamp.id, quantity: 1 },
  ];
  const json = { lines, reference: "Order 1042", ttlSeconds: 3_600 };
  const reservation = await unwrap(http.reservations.$post({ json }));
  const { items: users } = await unwrap(http.users.$get({ query: {} }));
  const user = users.find(({ name }) => name === "Jane Smith");
  if (!user) throw new Error("the demo data have no Jane Smith");
  return { http, atlas, reservation, user };
}

const COUNT = "sku,quantity\nPEN-001,118\nPEN-002,40\nPAP-001,255\nOFF-001,7\nnothing,1";

interface PageOfPicture {
  name: string;
  /** Within the console, or from the root of the server with a slash before it. */
  path: string;
  /** What is done before the picture. */
  before?: (window: Window) => Promise<void>;
  /** Selectors of what differs at each start. */
  varying?: readonly string[];
}

/** The pages in the order in which they are opened: the last ones change the stock. */
const pagesOf = ({ http, atlas, reservation, user }: Records): PageOfPicture[] => [
  { name: "products", path: "products" },
  { name: "product", path: `products/${atlas.id}` },
  { name: "product-form", path: `products/${atlas.id}/edit` },
  { name: "inventory", path: "inventory" },
  {
    name: "count",
    path: "inventory/count",
    async before({ page }) {
      await page.getByRole("textbox", { name: /^Lines/ }).fill(COUNT);
      await page.getByRole("heading", { name: "What changes" }).scrollIntoViewIfNeeded();
    },
  },
  { name: "reservations", path: "reservations" },
  { name: "reservation", path: `reservations/${reservation.id}` },
  { name: "reservation-form", path: `reservations/new?product=${atlas.id}` },
  { name: "changes", path: "changes", varying: ["main .counters", "main tbody"] },
  { name: "users", path: "users" },
  { name: "user", path: `users/${user.id}` },
  { name: "user-form", path: "users/new" },
  { name: "items", path: "items" },
  { name: "item", path: "items/item_welcome" },
  { name: "item-form", path: "items/new" },
  { name: "channels", path: "channels" },
  { name: "limits", path: "limits" },
  { name: "session", path: "session" },
  { name: "history", path: `history/inventory/${atlas.id}` },
  {
    name: "stock",
    path: "stock",
    async before({ page }) {
      const last = await findRow(page, "Last of its kind");
      await last.press("Reserve one");
      await expect.poll(() => noticeText(page)).toContain("done");
      await last.press("Reserve one");
      await expect.poll(() => noticeText(page)).toContain("insufficient_stock");
      await page.getByLabel("Find a product").fill("");
      const param = { productId: atlas.id };
      const json = { delta: -1, reason: "sold" };
      await unwrap(http.inventory[":productId"].adjustments.$post({ param, json }));
    },
    varying: [".notices"],
  },
  {
    name: "dashboard",
    path: "dashboard",
    async before({ page }) {
      await page.reload(); // without the notices of the page before
      const lag = async () => {
        await createProduct(http, 3, "Globe"); // again until the page is subscribed
        return page.locator("[data-fact=latest] dd").innerText();
      };
      await expect.poll(lag, { interval: 1_000 }).toContain("ms");
    },
    varying: ["main dd"],
  },
  { name: "reference", path: "/docs" },
  { name: "guide", path: "/docs/guide/concepts" },
];

for (const [suffix, size] of Object.entries(SIZES)) {
  test.runIf(isLaptop)(
    `the pages look as in their pictures, ${size.width} px wide`,
    async (context) => {
      const laptop = await startLaptop();
      try {
        const records = await createRecords(laptop.url);
        const expected = /status of 40\d/;
        const options = { ...size, url: laptop.url, expected };
        const window = await openWindow(browser, "products", options);
        const { page, go, settle, close } = window;
        if (!(await hasFontsOfPictures(page))) {
          context.skip("the pictures were made with other fonts: run npm run pictures first");
        }
        for (const { name, path, before, varying } of pagesOf(records)) {
          if (path.startsWith("/")) await page.goto(laptop.url + path);
          else await go(path);
          await page.locator("main").getByText(/./).nth(2).waitFor();
          await before?.(window);
          await settle();
          const title = await page.getByRole("heading", { level: 1 }).innerText();
          expect(title, path).not.toBe("Not found");
          await checkPicture(page, `${name}${suffix}`, varying);
          if (name === "count") await page.getByRole("textbox", { name: /^Lines/ }).fill("");
        }
        await close();
      } finally {
        await laptop.close();
      }
    },
    300_000,
  );
}
