/** `npm run pictures` writes the pictures of docs/console: each page, on a desktop and on a phone. */

import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
import { findRow, noticeText, openBrowser, openWindow, type Window } from "./window.ts";

const FOLDER = new URL("../../../docs/console/", import.meta.url).pathname;
const isWanted = isLaptop && process.env["SCREENSHOTS"] === "1";

const SIZES = {
  "": { width: 1100, height: 690 },
  "-phone": { width: 390, height: 780 },
};

let browser: Browser;
let http: Client;
let atlas: { id: string };
let reservation: { id: string };

beforeAll(async () => {
  if (!isWanted) return;
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
  atlas = await createProduct(http, 14, "Atlas");
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
  reservation = await unwrap(http.reservations.$post({ json }));
});
afterAll(() => browser?.close());

const COUNT = "sku,quantity\nPEN-001,118\nPEN-002,40\nPAP-001,255\nOFF-001,7\nnothing,1";

/** The pages, with what must be on screen and what is done before the picture. */
const pages = (): [name: string, path: string, before?: (window: Window) => Promise<void>][] => [
  ["products", "products"],
  ["product", `products/${atlas.id}`],
  ["product-form", `products/${atlas.id}/edit`],
  ["inventory", "inventory"],
  [
    "count",
    "inventory/count",
    async ({ page }) => {
      await page.getByRole("textbox", { name: /^Lines/ }).fill(COUNT);
      await page.getByRole("heading", { name: "What changes" }).scrollIntoViewIfNeeded();
    },
  ],
  ["reservations", "reservations"],
  ["reservation", `reservations/${reservation.id}`],
  ["reservation-form", `reservations/new?product=${atlas.id}`],
  ["changes", "changes"],
  [
    "dashboard",
    "dashboard",
    async ({ page }) => {
      const lag = async () => {
        await createProduct(http, 3, "Globe"); // again until the page is subscribed
        return page.locator("[data-fact=latest] dd").innerText();
      };
      await expect.poll(lag, { interval: 1_000 }).toContain("ms");
    },
  ],
  ["users", "users"],
  ["items", "items"],
  ["channels", "channels"],
  ["limits", "limits"],
  ["session", "session"],
  ["history", `history/inventory/${atlas.id}`],
];

for (const [suffix, size] of Object.entries(SIZES)) {
  test.runIf(isWanted)(
    `the pages, ${size.width} px wide`,
    async () => {
      const window = await openWindow(browser, "products", { ...size, expected: /status of 40\d/ });
      const { page, go, settle, close } = window;
      for (const [name, path, before] of pages()) {
        await go(path);
        await page.locator("main").getByText(/./).nth(2).waitFor();
        await before?.(window);
        await settle();
        const title = await page.getByRole("heading", { level: 1 }).innerText();
        expect(title, path).not.toBe("Not found");
        const file = `${FOLDER}${name}${suffix}.png`;
        await page.screenshot({ path: file, animations: "disabled" });
        if (name === "count") await page.getByRole("textbox", { name: /^Lines/ }).fill("");
      }
      await close();
    },
    300_000,
  );

  test.runIf(isWanted)(
    `the stock page after a reservation and a refused one, ${size.width} px wide`,
    async () => {
      const { page, settle, close } = await openWindow(browser, "stock", {
        ...size,
        expected: /status of 409/,
      });
      const last = await findRow(page, "Last of its kind");
      if (suffix === "") {
        await last.press("Reserve one");
        await expect.poll(() => noticeText(page)).toContain("done");
      }
      await last.press("Reserve one");
      await expect.poll(() => noticeText(page)).toContain("insufficient_stock");
      await page.getByLabel("Find a product").fill("");
      const param = { productId: atlas.id };
      const json = { delta: -1, reason: "sold" };
      await unwrap(http.inventory[":productId"].adjustments.$post({ param, json }));
      await settle();
      await page.screenshot({ path: `${FOLDER}stock${suffix}.png`, animations: "disabled" });
      await close();
    },
    120_000,
  );
}
