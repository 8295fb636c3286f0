import { unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Laptop, startLaptop } from "./laptop.ts";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
import { axeFaults, findRow, openBrowser, openWindow, socketGate } from "./window.ts";

let browser: Browser;
let laptop: Laptop;
beforeAll(async () => {
  [browser, laptop] = await Promise.all([openBrowser(), startLaptop()]);
});
afterAll(() => Promise.all([browser.close(), laptop.close()]));

const expected = /ERR_|WebSocket connection|status of 50\d/;

test.runIf(isLaptop)(
  "while the server is gone a banner says so, rows are marked and actions off; afterwards what changed is marked",
  async () => {
    const { url } = laptop;
    const http = await secondClient(url);
    const changed = await createProduct(http, 5);
    const same = await createProduct(http, 5);
    const gate = socketGate();
    const options = { url, expected, before: gate.install };
    const stock = await openWindow(browser, "stock", options);
    const list = await openWindow(browser, "products", options);
    const { row } = await findRow(stock.page, changed.name);
    const banner = stock.page.getByText("No connection to the server since");
    expect(await banner.count()).toBe(0);

    await list.page.locator("table[data-live]").waitFor();
    await laptop.kill();
    await banner.waitFor();
    expect(await stock.page.locator("main[data-stale]").count()).toBe(1);
    const reserve = row.getByRole("button", { name: "Reserve one" });
    expect(await reserve.getAttribute("aria-disabled")).toBe("true");
    expect(await axeFaults(stock.page)).toEqual([]);
    await list.page.getByText("No connection to the server since").waitFor();
    gate.hold(); // the windows come back after the writes
    await laptop.restart();
    const json = { delta: 3, reason: "received" };
    const param = { productId: changed.id };
    await unwrap(http.inventory[":productId"].adjustments.$post({ param, json }));
    await unwrap(http.products[":id"].$patch({ param: { id: changed.id }, json: { price: 2 } }));
    gate.release();
    await expect.poll(() => banner.count(), { timeout: 60_000 }).toBe(0);
    await expect.poll(() => row.locator(".stock-available").innerText()).toBe("8");
    expect(await row.locator(".late").count()).toBe(1);
    expect(await reserve.getAttribute("aria-disabled")).toBeNull();
    expect(await (await findRow(stock.page, same.name)).row.locator(".late").count()).toBe(0);
    await expect
      .poll(() => list.page.locator("tr[data-late]").getAttribute("data-id"), { timeout: 60_000 })
      .toBe(changed.id);
    await Promise.all([stock.close(), list.close()]);
  },
  200_000,
);

test("a form that is not saved asks before it is left, in the page and by the browser", async () => {
  const { page, go, close } = await openWindow(browser, "products", { url: laptop.url });
  await page.getByRole("link", { name: "New", exact: true }).click();
  const name = page.getByRole("textbox", { name: "Name" });
  await name.waitFor();
  await page.goBack(); // nothing was typed
  await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe("Products");
  await page.getByRole("link", { name: "New", exact: true }).click();
  await name.fill("Half a product");
  const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
  await page.goBack();
  await dialog.waitFor();
  await dialog.getByRole("button", { name: "Stay" }).click();
  expect(await name.inputValue()).toBe("Half a product");
  expect(new URL(page.url()).hash).toBe("#/products/new");

  let asked = 0;
  page.on("dialog", (question) => {
    asked++;
    expect(question.type()).toBe("beforeunload");
    void question.accept();
  });
  await page.reload();
  await expect.poll(() => asked).toBe(1);
  await name.fill("Another half");
  await go("users");
  await dialog.getByRole("button", { name: "Leave", exact: true }).click();
  await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe("Users");
  await page.reload();
  await page.getByRole("region", { name: "List of users" }).waitFor();
  expect(asked).toBe(1);
  await close();
});
