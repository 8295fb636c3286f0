import type { Client } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

test("the dashboard counts changes and deliveries, measures their delay, and shows the stock levels", async () => {
  const { page, go, close } = await openWindow(browser, "dashboard");
  const fact = (name: string) => page.locator(`[data-fact="${name}"] dd`).innerText();
  const number = async (name: string) => Number((await fact(name)).replaceAll(/\D/g, ""));
  const out = await number("out");
  expect(await fact("latest")).toBe("–");
  expect(await page.locator("[data-fact=state]").innerText()).toBe("live");
  const before = await number("products");
  await createProduct(http, 0);
  await expect.poll(() => number("products")).toBeGreaterThan(before);
  await expect.poll(() => fact("latest")).toMatch(/^[\d,]+ ms$/);
  await expect
    .poll(() =>
      page.getByRole("img", { name: /changes in this minute/ }).getAttribute("aria-label"),
    )
    .toMatch(/, [1-9]\d* in the busiest/);
  // It counts on while another page is shown.
  const counted = await number("products");
  await go("users");
  await page.getByRole("region", { name: "List of users" }).waitFor();
  await createProduct(http, 0);
  await go("dashboard");
  await expect.poll(() => number("products")).toBeGreaterThan(counted);
  await expect.poll(() => number("out")).toBeGreaterThan(out);
  await close();
});
