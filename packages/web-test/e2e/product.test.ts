import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient, uniqueName } from "./stage.ts";
import { noticeText, openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
const read = (id: string) => unwrap(http.products[":id"].$get({ param: { id } }));

test("a product is created with a price, a sku and an opening stock, edited, archived and deleted", async () => {
  const name = uniqueName("Made");
  const sku = name.replaceAll(" ", "-");
  const { page, close } = await openWindow(browser, "products/new", {
    expected: /status of (400|404|409)/,
  });
  const create = page.getByRole("button", { name: "Create" });
  await field(page, "Name · required").fill(name);
  await field(page, "Price · required").fill("twelve");
  await create.click();
  const price = field(page, "Price · required");
  await expect.poll(() => price.getAttribute("aria-invalid")).toBe("true");
  await price.fill("1250");
  await field(page, "Currency").fill("JPY");
  await field(page, "Category · required").fill("Made here");
  await field(page, "Sku").fill(sku);
  await field(page, "Opening stock").fill("7");
  await create.click();

  // The list finds it by its sku, exactly, and links to its page.
  await page.getByRole("table").waitFor();
  await page.getByLabel("Sku, exactly").fill(sku);
  await page.getByRole("button", { name: "Find" }).click();
  const row = page.locator("tbody tr");
  await expect.poll(() => row.allInnerTexts()).toEqual([expect.stringContaining(name)]);
  expect(await row.innerText()).toContain("JP¥1,250");
  expect(new URL(page.url()).hash).toBe(`#/products?sku=${sku}`);
  await row.getByRole("link", { name }).click();
  const figure = (part: string) => page.locator(`[data-figure=${part}] b`).innerText();
  await expect.poll(() => figure("quantity")).toBe("7");
  const id = new URL(page.url()).hash.split("/").at(-1) ?? "";
  expect(await read(id)).toMatchObject({ name, price: 1250, currency: "JPY", sku, version: 1 });

  await page.getByRole("link", { name: "Edit" }).click();
  await field(page, "Sku").fill("");
  await page.getByLabel("Status").selectOption("archived");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 2, name }).waitFor();
  await expect.poll(() => page.locator(".facts").first().innerText()).toContain("archived");
  expect(await read(id)).not.toHaveProperty("sku");

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("This is final").waitFor();
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe("Products");
  await page.getByRole("table").waitFor();
  expect((await http.products[":id"].$get({ param: { id } })).status).toBe(404);
  await close();
});

test("a product's page shows stock, reservations, a chart of its level and its history, live", async () => {
  const { id, name } = await createProduct(http, 20);
  const param = { productId: id };
  const adjust = (delta: number) =>
    unwrap(
      http.inventory[":productId"].adjustments.$post({ param, json: { delta, reason: "counted" } }),
    );
  for (const delta of [-3, 5, -2]) await adjust(delta);
  const { page, close } = await openWindow(browser, `products/${id}`, {
    expected: /status of 409/,
  });
  await page.getByRole("heading", { level: 2, name }).waitFor();
  const figure = (part: string) => page.locator(`[data-figure=${part}] b`).innerText();
  const chart = page.getByRole("img", { name: /^Stock since/ });
  await expect.poll(() => figure("available")).toBe("20");
  await expect.poll(() => chart.getAttribute("aria-label")).toContain("after 4 changes");
  const line = page.locator(".chart-line.line-0").first();
  expect((await line.getAttribute("d"))?.match(/V/g)).toHaveLength(3); // a step for each movement

  await adjust(-8);
  await expect.poll(() => figure("available")).toBe("12");
  await expect.poll(() => chart.getAttribute("aria-label")).toContain("12 on hand");
  const timeline = page.getByRole("list", { name: "History" }).getByRole("listitem");
  await expect.poll(() => timeline.count()).toBe(5);
  expect(await timeline.first().innerText()).toContain("quantity 20 → 12");
  const lines = [{ productId: id, quantity: 2 }];
  await unwrap(http.reservations.$post({ json: { lines, reference: "order 7" } }));
  await expect.poll(() => figure("reserved")).toBe("2");
  const entry = page.getByRole("list", { name: "Active reservations" }).getByRole("listitem");
  await expect.poll(() => entry.allInnerTexts()).toEqual([expect.stringContaining("order 7")]);

  // A product with active reservations is not deleted, and the page says why.
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect
    .poll(() => page.locator("[role=alert].problem").innerText())
    .toContain("active reservations");
  await entry.getByRole("button", { name: "Confirm" }).click();
  await entry.getByRole("button", { name: "Sell" }).click();
  await expect.poll(() => figure("quantity")).toBe("10");
  await close();
});

test("the list is paged, sorted, and acts on the rows that are selected", async () => {
  const category = uniqueName("Bulk");
  const names = Array.from({ length: 12 }, (_, index) => `${category} ${"lkjihgfedcba"[index]}`);
  const items = names.map((name, index) => ({ name, price: index + 1, category }));
  await unwrap(http.products.batch.$post({ json: { items } }));
  const { page, close } = await openWindow(
    browser,
    `products?category=${encodeURIComponent(category)}`,
  );
  const rows = page.locator("tbody tr");
  const shown = async () =>
    (await rows.locator("td:nth-child(2)").allInnerTexts()).map((text) => text.at(-1)).join("");
  await expect.poll(shown).toBe("abcdefghij"); // newest first
  await page.getByRole("button", { name: "Price" }).click();
  await expect.poll(shown).toBe("lkjihgfedc");
  await page.getByRole("button", { name: "Next" }).click();
  await expect.poll(shown).toBe("ba");

  await page.getByLabel("Select all on this page").check();
  await page.getByRole("button", { name: "Archive the selected" }).click();
  await page.getByText("Archive 2 products?").waitFor();
  await page.getByRole("button", { name: "Archive them" }).click();
  await expect.poll(() => noticeText(page)).toContain("Archive: 2 done");
  await expect
    .poll(() => rows.locator("td:nth-child(6)").allInnerTexts())
    .toEqual(["archived", "archived"]);
  await page.getByLabel(`Select ${names[10]}`).check();
  await page.getByRole("button", { name: "Delete the selected" }).click();
  await page.getByRole("button", { name: "Delete them" }).click();
  await expect.poll(shown).toBe("a");
  await close();
});

test("a filter that is answered late does not replace the rows of the one after it", async () => {
  const [slow, quick] = [uniqueName("Slow"), uniqueName("Quick")];
  for (const category of [slow, quick]) {
    await unwrap(http.products.$post({ json: { name: category, price: 1, category } }));
  }
  const { page, settle, close } = await openWindow(browser, "products");
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await page.route(/category=Slow/, async (route) => {
    await released;
    await route.fallback();
  });
  const find = async (category: string) => {
    await page.getByLabel("Category").fill(category);
    const asked = page.waitForRequest(/category=/);
    await page.getByRole("button", { name: "Find" }).click();
    await asked;
  };
  const rows = () => page.locator("tbody tr td:nth-child(2)").allInnerTexts();
  await find(slow);
  await find(quick);
  await expect.poll(rows).toEqual([quick]);
  release();
  await settle();
  expect(await rows()).toEqual([quick]);
  await close();
});
