import { pages, unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFile } from "node:fs/promises";
import { type Laptop, startLaptop } from "./laptop.ts";
import { createProduct, createProducts, isLaptop, secondClient, uniqueName } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("a count shows what it would change, carries it out once, and reports what was refused", async () => {
  const http = await secondClient();
  const make = async (quantity: number) => {
    const [name, sku] = [uniqueName("Counted"), uniqueName("sku").replaceAll(" ", "-")];
    const json = { name, price: 1, category: "Tests", sku, initialQuantity: quantity };
    const { id } = await unwrap(http.products.$post({ json }));
    return { id, name, sku };
  };
  const [pen, ink, pad, nib] = await Promise.all([make(10), make(20), make(30), make(40)]);
  const lines = [{ productId: pad.id, quantity: 5 }];
  await unwrap(http.reservations.$post({ json: { lines } }));
  const { page, close } = await openWindow(browser, "inventory/count", {
    expected: /status of 409/,
  });
  const text = [
    "sku,quantity",
    `${pen.sku},7`,
    `${ink.id},25`,
    `${pad.sku},4`,
    `${nib.sku},40`,
    "nothing,1",
    `${pen.sku},9`,
    "x,many",
  ].join("\n");
  await page.setInputFiles('input[type="file"]', {
    name: "count.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(text),
  });
  const fact = (name: string) => page.locator(`[data-fact="${name}"] dd`).innerText();
  await expect.poll(() => fact("differ")).toBe("2");
  expect(await fact("units")).toBe("2");
  expect(await fact("are right")).toBe("1");
  expect(await fact("not found")).toBe("1");
  expect(await fact("below what is reserved")).toBe("1");
  const faults = page.getByRole("list", { name: "Faults" });
  expect(await faults.innerText()).toContain("Counted in line 2 already");
  expect(await faults.innerText()).toContain("Line 8: Not a whole number of units: many");

  // A sale between the comparison and the press: that product must not be overwritten.
  const json = { delta: -1, reason: "sold" };
  await unwrap(
    http.inventory[":productId"].adjustments.$post({ param: { productId: ink.id }, json }),
  );
  await page.getByRole("button", { name: "Count 2 products" }).dblclick();
  const report = page.locator("[data-fact=report]");
  await expect.poll(() => report.innerText()).toBe("0 counted, 1 refused, 1 held back");
  const refused = page.getByRole("list", { name: "Refused" });
  expect(await refused.innerText()).toContain("19 on hand now, no longer 20 (stale_quantity)");
  const level = (id: string) =>
    unwrap(http.inventory[":productId"].$get({ param: { productId: id } }));
  expect(await level(pen.id)).toMatchObject({ quantity: 10, version: 1 }); // all or none
  await page.getByRole("button", { name: "Count the 1 other" }).dblclick();
  await expect.poll(() => report.innerText()).toBe("1 counted, 1 refused");
  expect(await refused.innerText()).toContain("stale_quantity");
  expect(await level(pen.id)).toMatchObject({ quantity: 7, version: 2 });
  expect(await level(ink.id)).toMatchObject({ quantity: 19 });
  expect(await level(pad.id)).toMatchObject({ quantity: 30 });
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the report" }).click();
  const file = await readFile(await (await saved).path(), "utf8");
  expect(file).toContain(`${pen.sku},${pen.name},10,7,-3,counted`);
  expect(file).toContain("stale_quantity");
  await close();
});

test("the inventory lists what is out, then what is low, and sets reorder points", async () => {
  const http = await secondClient();
  const { id, name } = await createProduct(http, 3);
  const { page, close } = await openWindow(browser, "inventory?level=all");
  const row = page.locator(`tr[data-id="${id}"]`);
  await expect.poll(() => row.innerText()).toContain(name);
  await row.getByRole("spinbutton").fill("5");
  await row.getByRole("button", { name: "Set" }).click();
  await expect.poll(() => row.innerText()).toContain("Low");
  await createProduct(http, 0);
  await page.getByLabel("Level").selectOption("short");
  const levels = async () =>
    (await page.locator("tbody tr td:nth-child(2)").allInnerTexts()).map((text) => text.trim());
  await expect.poll(async () => (await levels())[0]).toBe("Out");
  const shown = await levels();
  expect(shown.slice(shown.lastIndexOf("Out") + 1).every((text) => text === "Low")).toBe(true);
  await close();
});

const PRODUCTS = 500;

test.runIf(isLaptop)(
  "a count of 500 products survives a kill of the server, and nothing is counted twice",
  async () => {
    const laptop: Laptop = await startLaptop();
    try {
      const { url } = laptop;
      const http = await secondClient(url);
      const productOf = (n: number) => ({ name: `Counted ${n}`, category: "Count", sku: `C-${n}` });
      const ids = await createProducts(http, PRODUCTS, productOf, 5);
      const { page, close } = await openWindow(browser, "inventory/count", {
        url,
        expected: /ERR_|WebSocket connection|status of 50\d/,
      });
      const text = Array.from({ length: PRODUCTS }, (_, n) => `C-${n}\t${n + 6}`).join("\n");
      await page.getByRole("textbox", { name: /^Lines/ }).fill(text); // one paste
      const press = page.getByRole("button", { name: `Count ${PRODUCTS} products` });
      await press.waitFor({ timeout: 60_000 });
      await press.click(); // one press
      const report = page.locator("[data-fact=report]");
      await expect.poll(() => report.innerText(), { timeout: 60_000 }).toMatch(/^[1-9]\d* counted/);
      await laptop.kill();
      await expect
        .poll(() => page.getByRole("status").allInnerTexts())
        .toContainEqual(expect.stringContaining("No connection to the server"));
      expect(await report.innerText()).toMatch(/to go/); // it was killed in the middle
      await laptop.restart();
      await expect
        .poll(() => report.innerText(), { timeout: 180_000 })
        .toBe(`${PRODUCTS} counted, 0 refused`);

      const levels = await pages((query) => http.inventory.$get({ query }))();
      const counted = levels.records.filter(({ id }) => ids.has(id));
      expect(counted.map(({ quantity }) => quantity).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: PRODUCTS }, (_, n) => n + 6),
      );
      // One change by creation, and one by the count.
      expect(new Set(counted.map(({ version }) => version))).toEqual(new Set([2]));
      await close();
    } finally {
      await laptop.close();
    }
  },
  400_000,
);
