import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Laptop, startLaptop } from "./laptop.ts";
import { isLaptop, createProduct, secondClient } from "./stage.ts";
import { openBrowser, openWindow, findRow } from "./window.ts";

let browser: Browser;
let laptop: Laptop;
beforeAll(async () => {
  [browser, laptop] = await Promise.all([openBrowser(), startLaptop()]);
});
afterAll(() => Promise.all([browser.close(), laptop.close()]));

test.runIf(isLaptop)(
  "both windows recover after the server is killed and restarted",
  async () => {
    const { url } = laptop;
    const http = await secondClient(url);
    const { id, name } = await createProduct(http, 5);
    const expected = /ERR_CONNECTION|WebSocket connection|status of 50\d/;
    const windows = await Promise.all([
      openWindow(browser, "stock", { url, expected }),
      openWindow(browser, "stock", { url, expected }),
    ]);
    const rows = await Promise.all(windows.map(({ page }) => findRow(page, name)));
    const both = async () =>
      (await Promise.all(rows.map(({ figures }) => figures()))).map(({ available }) => available);
    const statuses = () =>
      Promise.all(windows.map(({ page }) => page.locator(".status").innerText()));
    await expect.poll(both).toEqual(["5", "5"]);

    await laptop.kill();
    await expect.poll(statuses).toEqual(Array(2).fill(expect.stringContaining("Connecting")));
    await laptop.restart();
    // The windows may not have reconnected yet.
    await http.inventory[":productId"].adjustments.$post({
      param: { productId: id },
      json: { delta: 4, reason: "received" },
    });
    await expect.poll(both, { timeout: 45_000 }).toEqual(["9", "9"]);
    await expect.poll(statuses).toEqual(Array(2).fill(expect.stringContaining("Live")));
    await rows[0]?.press("Reserve one");
    await expect.poll(both).toEqual(["8", "8"]);
    await Promise.all(windows.map(({ close }) => close()));
  },
  120_000,
);
