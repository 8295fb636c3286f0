import type { Client } from "@stockwire/client/http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient } from "./stage.ts";
import { axeFaults, openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
  await createProduct(http, 1);
  await createProduct(http, 1);
});
afterAll(() => browser.close());

const focused = (page: Page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return {
      tag: element?.tagName,
      label: element?.getAttribute("aria-label"),
      row: element?.closest("tr")?.getAttribute("data-product") ?? "",
    };
  });

test("keys search, move between rows, and show their help; not while something is typed", async () => {
  const { page, close } = await openWindow(browser, "stock");
  const rows = page.locator(".stock-row");
  await expect.poll(() => rows.count()).toBeGreaterThan(1);
  const ids = await rows.evaluateAll((all) => all.map((row) => row.getAttribute("data-product")));
  await page.keyboard.press("j");
  expect(await focused(page)).toMatchObject({ tag: "A", row: ids[0] });
  await page.keyboard.press("j");
  expect(await focused(page)).toMatchObject({ row: ids[1] });
  await page.keyboard.press("k");
  expect(await focused(page)).toMatchObject({ row: ids[0] });
  await page.keyboard.press("/");
  expect(await focused(page)).toMatchObject({ label: "Find a product" });
  await page.keyboard.type("j?/");
  expect(await page.getByLabel("Find a product").inputValue()).toBe("j?/");
  await page.getByRole("link", { name: "Stock", exact: true }).click(); // the page without a search
  await expect.poll(() => page.getByLabel("Find a product").inputValue()).toBe("");
  await expect.poll(() => rows.count()).toBeGreaterThan(1);

  await page.keyboard.press("Tab");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys and times" });
  await help.waitFor();
  expect(await axeFaults(page)).toEqual([]);
  await page.keyboard.press("j"); // the page behind a dialog does not move
  expect(await focused(page)).toMatchObject({ row: "" });
  await help.getByLabel("UTC", { exact: true }).check();
  await page.keyboard.press("Escape");
  await expect.poll(() => help.count()).toBe(0);

  // Enter opens the row: a product's page, with times in the zone that was chosen.
  await page.keyboard.press("k");
  await page.keyboard.press("j");
  await page
    .getByRole("link", { name: /^Thing/ })
    .first()
    .press("Enter");
  await expect
    .poll(() => page.locator(".facts").first().innerText())
    .toMatch(/Changed\s.* UTC · version 1/);
  await close();
});

test("the first Tab offers to skip to the page", async () => {
  const { page, close } = await openWindow(browser, "users");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the page" });
  expect(await skip.evaluate((link) => link === document.activeElement)).toBe(true);
  await page.keyboard.press("Enter");
  expect(await focused(page)).toMatchObject({ tag: "H1" });
  expect(new URL(page.url()).hash).toBe("#/users");
  await close();
});
