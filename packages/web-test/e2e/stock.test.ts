import type { Client } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient } from "./stage.ts";
import { noticeText, openBrowser, openWindow, findRow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

test("levels on screen follow the stored levels, as text and as colour", async () => {
  const { id, name } = await createProduct(http, 12);
  const { page, close } = await openWindow(browser, "stock");
  const { figures, row } = await findRow(page, name);
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
  const { name } = await createProduct(http, 3);
  const { page, close } = await openWindow(browser, "stock");
  const { figures, press } = await findRow(page, name);

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

test("of two windows that reserve the last unit one succeeds, and both show the same figures", async () => {
  const { name } = await createProduct(http, 1);
  const expected = /status of 409/;
  const windows = await Promise.all([
    openWindow(browser, "stock", { expected }),
    openWindow(browser, "stock", { expected }),
  ]);
  const rows = await Promise.all(windows.map(({ page }) => findRow(page, name)));

  await Promise.all(rows.map(({ press }) => press("Reserve")));
  const notices = () => Promise.all(windows.map(({ page }) => noticeText(page)));
  await expect.poll(async () => (await notices()).every((text) => text.includes(name))).toBe(true);
  const texts = await notices();
  expect(texts.filter((text) => text.includes("done"))).toHaveLength(1);
  expect(texts.filter((text) => text.includes("409 insufficient_stock"))).toHaveLength(1);

  const both = () => Promise.all(rows.map(({ figures }) => figures()));
  const reserved = { available: "0", reserved: "1", quantity: "1", level: "Out" };
  await expect.poll(both).toEqual([reserved, reserved]);
  await rows[0]?.press("Confirm");
  const sold = { available: "0", reserved: "0", quantity: "0", level: "Out" };
  await expect.poll(both).toEqual([sold, sold]);
  await Promise.all(windows.map(({ close }) => close()));
});
