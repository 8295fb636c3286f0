import type { Client } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { productOf, someone } from "./stage.ts";
import { noticesOf, openBrowser, openWindow, rowOf } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), someone()]);
});
afterAll(() => browser.close());

test("levels change on screen as they change in the table, in words as in colour", async () => {
  const { id, name } = await productOf(http, 12);
  const { page, close } = await openWindow(browser, "stock");
  const { figures, row } = await rowOf(page, name);
  await expect
    .poll(figures)
    .toEqual({ available: "12", reserved: "0", quantity: "12", level: "In stock" });

  const adjust = (delta: number) =>
    http.inventory[":productId"].adjustments.$post({
      param: { productId: id },
      json: { delta, reason: "counted" },
    });
  await adjust(-2);
  await http.inventory[":productId"].$put({
    param: { productId: id },
    json: { quantity: 10, reorderPoint: 10 },
  });
  await expect.poll(figures).toMatchObject({ available: "10", level: "Low" });
  await adjust(-10);
  await expect.poll(figures).toMatchObject({ available: "0", level: "Out" });
  await expect
    .poll(() => row.getByRole("img").getAttribute("aria-label"))
    .toBe("Available lately: 12, 10, 0");

  await http.products[":id"].$patch({ param: { id }, json: { price: 99 } });
  await expect.poll(() => row.locator(".stock-price").innerText()).toBe("$99.00");
  await close();
});

test("a row reserves, confirms, cancels and adjusts", async () => {
  const { name } = await productOf(http, 3);
  const { page, close } = await openWindow(browser, "stock");
  const { figures, press } = await rowOf(page, name);

  await press("Reserve");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "1", quantity: "3" });
  await press("Confirm");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "0", quantity: "2" });
  await press("Reserve");
  await expect.poll(figures).toMatchObject({ available: "1", reserved: "1" });
  await press("Cancel");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "0" });

  await press("Adjust");
  const dialog = page.getByRole("dialog", { name });
  await dialog.getByLabel("Add or take away").fill("40");
  await dialog.getByRole("button", { name: "Adjust" }).click();
  await expect.poll(figures).toMatchObject({ available: "42", quantity: "42" });
  await dialog.getByLabel("Low at, or below").fill("50");
  await dialog.getByRole("button", { name: "Set" }).click();
  await expect.poll(figures).toMatchObject({ level: "Low" });
  await dialog.getByLabel("Units").fill("5");
  await dialog.getByRole("button", { name: "Reserve" }).click();
  await expect.poll(figures).toMatchObject({ available: "37", reserved: "5" });
  await dialog.getByRole("listitem").getByRole("button", { name: "Cancel" }).click();
  await expect.poll(figures).toMatchObject({ available: "42", reserved: "0" });
  await page.keyboard.press("Escape");
  await expect.poll(() => dialog.count()).toBe(0);
  await close();
});

test("two windows ask for the last unit: one gets it, and both show the same", async () => {
  const { name } = await productOf(http, 1);
  const expected = /status of 409/;
  const windows = await Promise.all([
    openWindow(browser, "stock", { expected }),
    openWindow(browser, "stock", { expected }),
  ]);
  const rows = await Promise.all(windows.map(({ page }) => rowOf(page, name)));

  await Promise.all(rows.map(({ press }) => press("Reserve")));
  const told = () => Promise.all(windows.map(({ page }) => noticesOf(page)));
  await expect.poll(async () => (await told()).every((text) => text.includes(name))).toBe(true);
  const texts = await told();
  expect(texts.filter((text) => text.includes("done"))).toHaveLength(1);
  expect(texts.filter((text) => text.includes("409 insufficient_stock"))).toHaveLength(1);

  const both = () => Promise.all(rows.map(({ figures }) => figures()));
  const held = { available: "0", reserved: "1", quantity: "1", level: "Out" };
  await expect.poll(both).toEqual([held, held]);
  await rows[0]?.press("Confirm");
  const sold = { available: "0", reserved: "0", quantity: "0", level: "Out" };
  await expect.poll(both).toEqual([sold, sold]);
  await Promise.all(windows.map(({ close }) => close()));
});
