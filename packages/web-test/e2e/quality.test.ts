import { unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { gzipSync } from "node:zlib";
import { createProduct, secondClient } from "./stage.ts";
import { axeFaults, openBrowser, openWindow, findRow } from "./window.ts";

let browser: Browser;
let product: { id: string; name: string };
let reservation: { id: string };
beforeAll(async () => {
  browser = await openBrowser();
  const http = await secondClient();
  product = await createProduct(http, 4);
  const lines = [{ productId: (await createProduct(http, 1)).id, quantity: 1 }];
  reservation = await unwrap(http.reservations.$post({ json: { lines } }));
});
afterAll(() => browser.close());

const pages = () => [
  "stock",
  "products",
  "products/new",
  `products/${product.id}`,
  `products/${product.id}/edit`,
  "inventory",
  "inventory/count",
  "reservations",
  "reservations/new",
  `reservations/${reservation.id}`,
  "changes",
  "dashboard",
  "users",
  "users/new",
  "items",
  "items/new",
  "channels",
  "limits",
  "session",
  `history/inventory/${product.id}`,
];

for (const dark of [false, true]) {
  test(`axe finds nothing on any page, ${dark ? "dark" : "light"}`, async () => {
    const { page, go, settle, close } = await openWindow(browser, "stock", { dark });
    for (const path of pages()) {
      await go(path);
      await page.locator("main").getByText(/./).first().waitFor();
      await settle();
      expect(await axeFaults(page), path).toEqual([]);
    }
    await go("stock");
    await (await findRow(page, product.name)).press("Adjust");
    await page.getByRole("dialog").waitFor();
    expect(await axeFaults(page), "the dialog").toEqual([]);
    await close();
  }, 300_000);
}

test("no page is wider than a screen of 360 px", async () => {
  const { page, go, settle, close } = await openWindow(browser, "stock", {
    width: 360,
    height: 740,
  });
  for (const path of pages()) {
    await go(path);
    await settle();
    const widths = await page.evaluate(() => {
      const { clientWidth, scrollWidth } = document.documentElement;
      return { clientWidth, scrollWidth };
    });
    expect(widths.scrollWidth, path).toBeLessThanOrEqual(widths.clientWidth);
  }
  await close();
}, 180_000);

test("in no list a head, a time or a field is cut off, on a screen of 1100 px", async () => {
  const { page, go, settle, close } = await openWindow(browser, "stock", {
    width: 1100,
    height: 740,
  });
  for (const path of ["products", "inventory", "reservations", "users", "items"]) {
    await go(path);
    await page.locator("main tbody tr").first().waitFor();
    await settle();
    const cut = await page.evaluate(() => {
      const heads = [...document.querySelectorAll<HTMLElement>("main th")];
      const cells = [...document.querySelectorAll<HTMLElement>("main td")].filter(
        (cell) => cell.innerText.endsWith("UTC") || cell.querySelector("button"),
      );
      const covered = cells.flatMap((cell) => {
        const [field, ...others] = cell.querySelectorAll("input, button");
        const end = field?.getBoundingClientRect().right ?? 0;
        return others.filter((other) => other.getBoundingClientRect().left < end);
      });
      const tooWide = [...heads, ...cells].filter(
        ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth,
      );
      return [...tooWide, ...covered].map(({ textContent }) => textContent);
    });
    expect(cut, path).toEqual([]);
  }
  await close();
}, 180_000);

test("the keyboard alone can reserve and adjust, and the focus returns after the dialog", async () => {
  const { page, close } = await openWindow(browser, "stock");
  const { row, figures } = await findRow(page, product.name);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  const tabTo = async (label: string) => {
    for (let presses = 0; presses < 60; presses++) {
      if ((await focused()) === label) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not reach ${label}`);
  };
  await page.getByLabel("Find a product").focus();
  await tabTo(`Reserve one ${product.name}`);
  await page.keyboard.press("Enter");
  await expect.poll(figures).toMatchObject({ reserved: "1" });
  await tabTo(`Reservations of ${product.name}`);
  await page.keyboard.press("Enter");
  const entry = page.getByRole("dialog").getByRole("listitem");
  await expect.poll(() => entry.count()).toBe(1);
  const [, name = ""] = (await entry.innerText()).match(/^(\S+)/) ?? [];
  await tabTo(`Cancel ${name}`);
  await page.keyboard.press("Enter");
  const text = () => page.evaluate(() => document.activeElement?.textContent);
  await expect.poll(text).toBe("Keep");
  expect(await axeFaults(page), "the question").toEqual([]);
  await page.keyboard.press("Tab");
  expect(await text()).toBe("Release");
  await expect
    .poll(() => entry.getByRole("button", { name: "Release" }).getAttribute("aria-disabled"))
    .toBeNull();
  await page.keyboard.press("Enter");
  await expect.poll(figures).toMatchObject({ reserved: "0" });
  await expect.poll(text).toMatch(/^Active reservations/);
  await page.keyboard.press("Escape");
  await expect.poll(focused).toBe(`Reservations of ${product.name}`);
  await tabTo(`Adjust ${product.name}`);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(focused).toBe(`Adjust ${product.name}`);
  await row.waitFor();
  await close();
});

test("a dialog that is opened right after another one was closed stays open", async () => {
  const { page, close } = await openWindow(browser, "stock");
  const { row } = await findRow(page, product.name);
  await row.getByRole("button", { name: "Adjust" }).click();
  await page.getByRole("dialog").waitFor();
  // Both in one task: the browser reports the end of the first dialog after the second was opened.
  await row.getByRole("button", { name: "Adjust", includeHidden: true }).evaluate((button) => {
    document.querySelector("dialog")?.close();
    (button as HTMLElement).click();
  });
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await close();
});

test("the policy is strict, nothing is loaded from another origin, and scripts are at most 60 kB", async () => {
  const url = inject("laptop");
  const urls: string[] = [];
  const { close } = await openWindow(browser, "stock", {
    before: async (page) => {
      page.on("request", (request) => urls.push(request.url()));
    },
  });
  await close();
  const stage = process.env["STAGE_URL"] || url;
  const foreign = urls.filter((each) => !each.startsWith(url) && !each.startsWith(stage));
  expect(foreign).toEqual([]);

  const scripts = urls.filter((each) => each.endsWith(".js"));
  const sizes = scripts.map(async (each) => gzipSync(await (await fetch(each)).bytes()).length);
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(1_000);
  expect(total).toBeLessThanOrEqual(60_000);

  const policy = (await fetch(`${url}/console`)).headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
});
