import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
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
  await expect.poll(() => row.locator(".stock-price").innerText()).toBe("US$99.00");
  await close();
});

test("a product that is made meanwhile is announced, and no longer when it is deleted", async () => {
  const { page, close } = await openWindow(browser, "stock");
  await page.locator('.stock[aria-busy="false"]').waitFor();
  const announced = page.getByRole("button", { name: "1 new: show" });
  const { id } = await createProduct(http, 1);
  await announced.waitFor();
  await unwrap(http.products[":id"].$delete({ param: { id } }));
  await expect.poll(() => announced.count()).toBe(0);
  await close();
});

test("a row reserves, confirms, cancels and adjusts", async () => {
  const { name } = await createProduct(http, 3);
  const { page, close } = await openWindow(browser, "stock");
  const { figures, press } = await findRow(page, name);

  const dialog = page.getByRole("dialog", { name });
  const entry = dialog.getByRole("listitem");
  const settle = async (verb: string, yes: string) => {
    await press("Reservations");
    await entry.getByRole("button", { name: verb }).click();
    await entry.getByRole("button", { name: yes }).click();
    await expect.poll(() => entry.count()).toBe(0);
    await page.keyboard.press("Escape");
  };

  await press("Reserve one");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "1", quantity: "3" });
  await settle("Confirm", "Sell");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "0", quantity: "2" });
  await press("Reserve one");
  await expect.poll(figures).toMatchObject({ available: "1", reserved: "1" });
  await settle("Cancel", "Release");
  await expect.poll(figures).toMatchObject({ available: "2", reserved: "0" });

  await press("Adjust");
  await dialog.getByLabel("Add or take away").fill("40");
  await dialog.getByRole("button", { name: "Adjust" }).click();
  await expect.poll(figures).toMatchObject({ available: "42", quantity: "42" });
  await dialog.getByLabel("Low at, or below").fill("50");
  await dialog.getByRole("button", { name: "Set" }).click();
  await expect.poll(figures).toMatchObject({ level: "Low" });
  await dialog.getByLabel("Units").fill("5");
  await dialog.getByLabel("Reference").fill("order 7");
  await dialog.getByRole("button", { name: "Reserve" }).click();
  await expect.poll(figures).toMatchObject({ available: "37", reserved: "5" });
  await expect.poll(() => entry.innerText()).toMatch(/^order 7 by this window · 14:\d\d left\s/);
  await entry.getByRole("button", { name: "Cancel order 7" }).click();
  await entry.getByRole("button", { name: "Release" }).click();
  await expect.poll(figures).toMatchObject({ available: "42", reserved: "0" });
  await page.keyboard.press("Escape");
  await expect.poll(() => dialog.count()).toBe(0);
  await close();
});

test("a reservation is named with all its lines, and is closed after a question only", async () => {
  const [product, other] = [await createProduct(http, 5), await createProduct(http, 5)];
  const reserve = (reference: string, quantity: number) => {
    const lines = [product, other].map(({ id }) => ({ productId: id, quantity }));
    return unwrap(http.reservations.$post({ json: { reference, lines, ttlSeconds: 600 } }));
  };
  const [first, second] = [await reserve("first order", 1), await reserve("second order", 2)];
  const statuses = async () => {
    const read = ({ id }: { id: string }) => http.reservations[":id"].$get({ param: { id } });
    const answers = await Promise.all([first, second].map((one) => unwrap(read(one))));
    return answers.map(({ status }) => status);
  };

  const { page, close } = await openWindow(browser, "stock");
  const { press, row } = await findRow(page, product.name);
  const writes = writesOf(page);
  expect(await row.getByRole("button", { name: /^(Confirm|Cancel)/ }).count()).toBe(0);
  await press("Reservations");
  const entry = page.getByRole("listitem").filter({ hasText: "second order" });
  const owner = isLaptop ? "e2e" : "";
  await expect
    .poll(() => entry.innerText())
    .toMatch(new RegExp(`^second order by ${owner}.* · \\d+:\\d\\d left\\s`));
  await expect.poll(() => entry.innerText()).toContain(`2 × ${product.name}, 2 × ${other.name}`);

  const question = entry.getByRole("group");
  await entry.getByRole("button", { name: "Cancel second order" }).dblclick();
  const text = `Release 2 × ${product.name}, 2 × ${other.name}, reserved as second order by`;
  if ((await question.count()) === 0) {
    // The second click of the double click has pressed Keep.
    await entry.getByRole("button", { name: "Cancel second order" }).click();
  }
  await expect.poll(() => question.innerText()).toContain(text);
  await question.getByRole("button", { name: "Keep" }).focus();
  await page.keyboard.press("Escape");
  await expect.poll(() => question.count()).toBe(0);
  expect(await focusedLabel(page)).toBe("Cancel second order");
  await page.getByRole("dialog").waitFor();
  expect(writes).toEqual([]);
  expect(await statuses()).toEqual(["active", "active"]);

  const left = async () => {
    const [, minutes = "", seconds = ""] = /(\d+):(\d\d) left/.exec(await entry.innerText()) ?? [];
    return Number(minutes) * 60 + Number(seconds);
  };
  await entry.getByRole("button", { name: "Extend" }).dblclick();
  await expect.poll(left).toBeGreaterThan(1_000);
  expect(await left()).toBeLessThan(1_600); // extended once
  await entry.getByRole("button", { name: "Cancel second order" }).click();
  await question.getByRole("button", { name: "Release" }).click();
  await expect.poll(() => entry.count()).toBe(0);
  expect(await statuses()).toEqual(["active", "cancelled"]);
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.textContent))
    .toContain("Active reservations");
  expect(writes.map(({ path }) => path.split("/").at(-1))).toEqual(["extend", "cancel"]);
  await close();
});

test("a press has one effect, however often it is pressed", async () => {
  const { name } = await createProduct(http, 9);
  const { page, close } = await openWindow(browser, "stock");
  const { row, figures } = await findRow(page, name);
  const writes = writesOf(page);
  const reserve = row.getByRole("button", { name: "Reserve one" });
  // Again in each frame until the time of a double click is over, while the answer is awaited and after it.
  const presses = await reserve.evaluate(async (button) => {
    const frame = () => new Promise(requestAnimationFrame);
    const isBusy = () => button.hasAttribute("aria-disabled");
    (button as HTMLElement).click();
    while (!isBusy()) await frame();
    let again = 0;
    for (; isBusy(); again++) {
      (button as HTMLElement).click();
      await frame();
    }
    return again;
  });
  expect(presses).toBeGreaterThan(1);
  await expect.poll(figures).toMatchObject({ available: "8", reserved: "1" });
  await reserve.focus();
  for (let repeats = 0; repeats < 4; repeats++) await page.keyboard.down("Enter"); // a held key
  await page.keyboard.up("Enter");
  await expect.poll(figures).toMatchObject({ available: "7", reserved: "2" });
  await expect.poll(() => reserve.getAttribute("aria-disabled")).toBeNull();
  expect(await figures()).toMatchObject({ available: "7", reserved: "2" });

  await row.getByRole("button", { name: "Adjust" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Add or take away").fill("5");
  await dialog.getByRole("button", { name: "Adjust" }).dblclick();
  await expect.poll(figures).toMatchObject({ quantity: "14" });
  await expect
    .poll(() => dialog.getByRole("button", { name: "Adjust" }).getAttribute("aria-disabled"))
    .toBeNull();
  expect(await figures()).toMatchObject({ quantity: "14" });
  expect(writes.map(({ path }) => path.split("/").at(-1))).toEqual([
    "reservations",
    "reservations",
    "adjustments",
  ]);
  expect(new Set(writes.map(({ key }) => key)).size).toBe(3);
  await close();
});

test("a press without an answer is pressed again with the same key, and has one effect", async () => {
  const { id, name } = await createProduct(http, 9);
  const { page, close } = await openWindow(browser, "stock", { expected: /ERR_FAILED|fetch/ });
  const { press, figures } = await findRow(page, name);
  const writes = writesOf(page);
  let isLost = true;
  await page.route("**/reservations", async (route) => {
    if (!isLost || route.request().method() !== "POST") return route.fallback();
    await route.fetch(); // the server carries it out
    return route.abort("failed");
  });
  await press("Reserve one");
  await expect.poll(() => noticeText(page), { timeout: 40_000 }).toContain(`Reserve 1 × ${name}: `);
  isLost = false;
  await press("Reserve one");
  await expect.poll(() => noticeText(page)).toContain("done");
  expect(new Set(writes.map(({ key }) => key)).size).toBe(1);
  expect(await figures()).toMatchObject({ available: "8", reserved: "1" });
  const level = await unwrap(http.inventory[":productId"].$get({ param: { productId: id } }));
  expect(level).toMatchObject({ reserved: 1 });
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

  await Promise.all(rows.map(({ press }) => press("Reserve one")));
  const notices = () => Promise.all(windows.map(({ page }) => noticeText(page)));
  await expect.poll(async () => (await notices()).every((text) => text.includes(name))).toBe(true);
  const texts = await notices();
  expect(texts.filter((text) => text.includes("done"))).toHaveLength(1);
  expect(texts.filter((text) => text.includes("409 insufficient_stock"))).toHaveLength(1);

  const both = () => Promise.all(rows.map(({ figures }) => figures()));
  const reserved = { available: "0", reserved: "1", quantity: "1", level: "Out" };
  await expect.poll(both).toEqual([reserved, reserved]);
  await rows[0]?.press("Reservations");
  await windows[0]?.page.getByRole("button", { name: "Confirm" }).click();
  await windows[0]?.page.getByRole("button", { name: "Sell" }).click();
  const sold = { available: "0", reserved: "0", quantity: "0", level: "Out" };
  await expect.poll(both).toEqual([sold, sold]);
  await Promise.all(windows.map(({ close }) => close()));
});

const focusedLabel = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label"));

/** The writes that the page sends from now on. */
function writesOf(page: Page) {
  const writes: { path: string; key: string | undefined }[] = [];
  page.on("request", (request) => {
    if (["GET", "OPTIONS"].includes(request.method())) return;
    const key = request.headers()["idempotency-key"];
    if (!request.url().endsWith("/console/token")) {
      writes.push({ path: new URL(request.url()).pathname, key });
    }
  });
  return writes;
}
