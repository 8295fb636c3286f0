/** What users should not do, and do: hostile names, long texts, damaged files, and reloads in the middle. */

import { type Client, unwrap } from "@stockwire/client/http";
import { randomBytes } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient, uniqueName } from "./stage.ts";
import { findRow, openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

const NAMES = {
  html: '<img src=x onerror="document.title=`hacked`"><script>document.title="hacked"</script>',
  rtl: "עט נובע 12 مرحبا x (y",
  long: "W".repeat(200),
  quotes: `"'\`\${name}\\ %E0 ?a=1&b=2#/users`,
};

const widthOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth);

test.each(Object.entries(NAMES))(
  "a name of the kind %s is shown as it is on every page, and no page is wider for it",
  async (_, name) => {
    const sku = `${uniqueName("s").replaceAll(" ", "")}${name}`.slice(0, 64);
    const category = name.slice(0, 100);
    const json = { name, price: 9_999_999.99, category, sku, description: name };
    const product = await unwrap(http.products.$post({ json: { ...json, initialQuantity: 9 } }));
    const lines = [{ productId: product.id, quantity: 1 }];
    const made = { json: { lines, reference: name, ttlSeconds: 600 } };
    const reservation = await unwrap(http.reservations.$post(made));
    const email = `${uniqueName("u").replaceAll(" ", "")}@example.com`;
    const user = await unwrap(http.users.$post({ json: { name: name.slice(0, 100), email } }));
    const item = await unwrap(http.items.$post({ json: { title: name, [name]: name } }));
    const { page, go, settle, close } = await openWindow(browser, "stock", {
      width: 360,
      height: 740,
    });
    const expectShown = async (path: string, text = "") => {
      await go(path);
      await expect
        .poll(() => page.locator("main").textContent(), { message: path })
        .toContain(text);
      await settle();
      expect(await page.title(), path).not.toBe("hacked");
      expect(await widthOf(page), path).toBeLessThanOrEqual(360);
    };
    const beginning = name.slice(0, 70); // a change shows no more
    await expectShown("stock", name);
    await expectShown("products", name);
    await expectShown(`products?sku=${encodeURIComponent(sku)}`, name);
    await expectShown(`products/${product.id}`, name);
    await expectShown("inventory?level=all", name);
    await expectShown("reservations", name);
    await expectShown(`reservations/${reservation.id}`, name);
    await expectShown("changes", beginning);
    await expectShown(`history/products/${product.id}`, beginning);
    await expectShown("users", name.slice(0, 100));
    await expectShown(`users/${user.id}`);
    await expectShown("items");
    await expectShown(`items/${item.id}`);
    await expectShown(`products/${product.id}/edit`);
    expect(await page.getByRole("textbox", { name: "Name" }).inputValue()).toBe(name);
    await expectShown(`reservations/new?product=${product.id}`);
    await expect.poll(() => page.locator("[data-fact=found]").innerText()).toContain(beginning);
    await expectShown("inventory/count");
    const cell = `"${sku.replaceAll('"', '""')}"`;
    await page.getByRole("textbox", { name: /^Lines/ }).fill(`sku,quantity\n${cell},7`);
    await page.getByRole("button", { name: "Count 1 products" }).waitFor();
    await settle();
    expect(await page.getByRole("region", { name: "Differences" }).innerText()).toContain(name);
    expect(await widthOf(page), "count").toBeLessThanOrEqual(360);
    await page.getByRole("textbox", { name: /^Lines/ }).fill("");
    await close();
  },
);

test("a page that is loaded again in the middle of a write shows what the server has", async () => {
  const { id, name } = await createProduct(http, 9);
  const { page, close } = await openWindow(browser, "stock", { expected: /ERR_ABORTED/ });
  const { press } = await findRow(page, name);
  const sent = page.waitForRequest((request) => request.url().endsWith("/reservations"));
  await press("Reserve one");
  await sent;
  await page.reload();
  const { figures } = await findRow(page, name);
  const level = () => unwrap(http.inventory[":productId"].$get({ param: { productId: id } }));
  await expect
    .poll(async () => {
      const [{ reserved, available }, shown] = [await level(), await figures()];
      return shown.reserved === String(reserved) && shown.available === String(available);
    })
    .toBe(true);
  expect((await level()).reserved).toBeLessThanOrEqual(1);
  await close();
});

test("a double click on Create makes one product, and Back leads to the list", async () => {
  const name = uniqueName("Twice");
  const { page, go, close } = await openWindow(browser, "products");
  await go("products/new");
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("textbox", { name: "Category" }).fill(name);
  await page.getByRole("textbox", { name: "Price" }).fill("1");
  await page.getByRole("button", { name: "Create" }).dblclick();
  await page.getByRole("link", { name }).waitFor();
  const { items } = await unwrap(http.products.$get({ query: { category: name } }));
  expect(items).toHaveLength(1);
  await page.getByRole("link", { name }).click();
  await page.getByRole("heading", { level: 2, name }).waitFor();
  await page.goBack();
  await page.getByRole("region", { name: "List of products" }).waitFor();
  await page.goForward();
  await page.getByRole("heading", { level: 2, name }).waitFor();
  await close();
});

test("a count of 1 000 lines that name nothing, and a file of random bytes, are compared and refused", async () => {
  const { page, close } = await openWindow(browser, "inventory/count", {
    expected: /status of 400/,
  });
  const upload = (name: string, buffer: Buffer) =>
    page.setInputFiles('input[type="file"]', { name, mimeType: "text/csv", buffer });
  const fact = (name: string) => page.locator(`[data-fact="${name}"] dd`).innerText();
  const { id } = await createProduct(http, 3);
  const lines = Array.from({ length: 998 }, (_, n) => `NOTHING-${n},${n}`);
  const tooLong = `${"x".repeat(70)},1`; // not a sku
  const text = ["sku,quantity", ...lines, tooLong, `${id},4`].join("\r\n");
  await upload("long.csv", Buffer.from(text));
  await expect.poll(() => fact("not found"), { timeout: 120_000 }).toBe("999");
  expect(await fact("differ")).toBe("1");
  await page.getByRole("button", { name: "Count 1 products" }).waitFor();

  await upload("bytes.csv", randomBytes(500_000));
  await page.getByRole("list", { name: "Faults" }).waitFor();
  expect(await page.getByRole("list", { name: "Faults" }).locator("li").count()).toBeLessThan(30);
  await page.getByRole("textbox", { name: /^Lines/ }).fill("");
  await close();
});
