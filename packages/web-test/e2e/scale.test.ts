/**
 * The stock page with many products: what it requests, draws and holds. `PRODUCTS=100000 npm run test:e2e
 * -- scale` measures it with more, and prints the time to the first row.
 */

import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Laptop, startLaptop } from "./laptop.ts";
import { createProducts, isLaptop, secondClient } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

const PRODUCTS = Number(process.env["PRODUCTS"] ?? 1_500);
const LOADS = 5; // whose times to the first row are measured
const SEED_TIME = PRODUCTS * 20 + 120_000; // ms

let browser: Browser;
let laptop: Laptop;
let http: Client;
beforeAll(async () => {
  if (!isLaptop) return;
  [browser, laptop] = await Promise.all([openBrowser(), startLaptop()]);
  http = await secondClient(laptop.url);
  const productOf = (index: number) => ({
    name: `Scale ${index}`,
    category: index < 100 ? "First" : "Many",
    sku: `S-${index}`,
  });
  await createProducts(http, PRODUCTS, productOf, 9);
  await untilLogged(`S-${PRODUCTS - 1}`);
}, SEED_TIME);
afterAll(() => Promise.all([browser?.close(), laptop?.close()]));

/** Waits until the change log, which is behind after so many creations, has later changes of a product. */
async function untilLogged(sku: string): Promise<void> {
  const { items } = await unwrap(http.products.$get({ query: { sku } }));
  const id = items[0]?.id ?? "";
  await unwrap(http.products[":id"].$patch({ param: { id }, json: { description: "The last" } }));
  for (const delta of [1, -1]) {
    const json = { delta, reason: "logged" };
    await unwrap(
      http.inventory[":productId"].adjustments.$post({ param: { productId: id }, json }),
    );
  }
  const logged = async (topic: `products/${string}` | `inventory/${string}`) => {
    const { events } = await unwrap(http.changes.$get({ query: { topic, last: "1" } }));
    return events.map(({ version }) => version);
  };
  await vi.waitFor(
    async () => {
      expect(await logged(`products/${id}`)).toEqual([2]);
      expect(await logged(`inventory/${id}`)).toEqual([3]);
    },
    { timeout: SEED_TIME, interval: 500 },
  );
}

const drawn = (page: Page) => page.locator(".stock-row").count();

/** Bytes of the page's heap after a garbage collection. */
async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

/** Scrolls to the end of the rows that are known, and returns their number and that of the whole list. */
const toEnd = (page: Page) =>
  page.evaluate(() => {
    scrollTo(0, document.documentElement.scrollHeight);
    const number = (selector: string, name: string) =>
      Number([...document.querySelectorAll(selector)].at(-1)?.getAttribute(name)) - 1;
    return {
      rows: number("[aria-rowindex]", "aria-rowindex"),
      all: number(".stock", "aria-rowcount"), // negative until it is known
    };
  });

/** Scrolls down until `wanted` rows are known, or the end of the list. Returns the rows that are known. */
async function scroll(page: Page, wanted: number): Promise<number> {
  let known = await toEnd(page);
  while (known.rows < wanted && known.rows !== known.all) {
    const { rows } = known;
    await expect
      .poll(async () => (known = await toEnd(page)), { interval: 5 })
      .toSatisfy((next: typeof known) => next.rows > rows || next.rows === next.all);
  }
  return known.rows;
}

/** Ms until a new window has its first row. */
async function firstRow(): Promise<number> {
  const { page, close } = await openWindow(browser, "stock", {
    url: laptop.url,
    before: async (opened) => {
      await opened.addInitScript(() => {
        new MutationObserver((_, observer) => {
          if (!document.querySelector(".stock-row")) return;
          performance.mark("first row");
          observer.disconnect();
        }).observe(document, { subtree: true, childList: true });
      });
    },
  });
  await page.locator('.stock[aria-busy="false"] .stock-row').first().waitFor();
  const time = await page.evaluate(
    () => performance.getEntriesByName("first row")[0]?.startTime ?? 0,
  );
  await close();
  return time;
}

test.runIf(isLaptop)(
  "the stock page requests what is on screen, and holds as little after a long way as after a short one",
  async () => {
    const requests: string[] = [];
    const { page, close } = await openWindow(browser, "stock", {
      url: laptop.url,
      before: async (opened) => {
        opened.on("request", (request) => {
          const { pathname } = new URL(request.url());
          if (!/^\/console(?!\/token)/.test(pathname)) requests.push(pathname);
        });
        opened.on("websocket", (socket) => requests.push(new URL(socket.url()).pathname));
      },
    });
    await expect.poll(() => drawn(page)).toBeGreaterThan(5);
    await page.locator('.stock[aria-busy="false"]').waitFor();
    expect(requests.length, requests.join(" ")).toBeLessThanOrEqual(6);
    expect(await drawn(page)).toBeLessThan(40);

    const few = Math.min(PRODUCTS / 3, 1_000);
    await scroll(page, few);
    const early = await heapOf(page);
    const rows = await scroll(page, PRODUCTS);
    const late = await heapOf(page);
    expect(rows).toBeGreaterThanOrEqual(PRODUCTS);
    expect(await drawn(page)).toBeLessThan(40);
    const mb = (bytes: number) => Math.round(bytes / 100_000) / 10;
    // Of the pages that are not held there are the page tokens, some hundred bytes each.
    const tokens = (PRODUCTS / 50) * 2_000;
    expect(late - early, `${mb(early)} MB, then ${mb(late)} MB`).toBeLessThan(3_000_000 + tokens);
    const times: number[] = [];
    for (let loads = 0; loads < LOADS; loads++) times.push(await firstRow());
    const [least, , median, , most] = times.toSorted((a, b) => a - b).map(Math.round);
    process.stdout.write(
      `${PRODUCTS} products: first row after ${median} ms (${least} to ${most}), ${requests.length} requests, heap ${mb(early)} MB after ${few} rows, ${mb(late)} MB after ${rows}\n`,
    );

    // Rows that were forgotten come back, and follow their changes.
    await page.evaluate(() => scrollTo(0, 0));
    const first = page.locator(".stock-row").first();
    await expect.poll(() => first.getAttribute("aria-rowindex")).toBe("2");
    const id = (await first.getAttribute("data-product")) ?? "";
    const json = { delta: -4, reason: "sold" };
    await unwrap(
      http.inventory[":productId"].adjustments.$post({ param: { productId: id }, json }),
    );
    await expect.poll(() => first.locator(".stock-available").innerText()).toBe("5");
    await close();
  },
  120_000 + PRODUCTS * 20,
);

test.runIf(isLaptop)(
  "a sku and a category are found exactly, a name among what is loaded, and the page says so",
  async () => {
    const { page, close } = await openWindow(browser, "stock", { url: laptop.url });
    const names = () => page.locator(".stock-name a").allInnerTexts();
    const find = page.getByLabel("Find a product");
    await expect.poll(async () => (await names()).length).toBeGreaterThan(5);
    await find.fill("Scale 0");
    await expect.poll(() => page.locator(".found").innerText()).toMatch(/^0 of the \d+ products/);
    await page.getByLabel("Find by").selectOption("sku");
    await find.fill("S-0");
    await find.press("Enter");
    await expect.poll(names).toEqual(["Scale 0"]);
    expect(new URL(page.url()).hash).toBe("#/stock?by=sku&q=S-0");
    await page.getByLabel("Find by").selectOption("category");
    await find.fill("first");
    await find.press("Enter");
    const isFirst = (name: string) => /^Scale \d\d?$/.test(name);
    const areFirst = async () => {
      const all = await names();
      return all.length > 5 && all.every(isFirst);
    };
    await expect.poll(areFirst).toBe(true);
    await page.reload();
    await expect.poll(areFirst).toBe(true);

    await find.fill("");
    await expect.poll(async () => (await names()).some(isFirst)).toBe(false);
    await page.getByLabel("Order").selectOption("asc");
    await expect
      .poll(async () => (await names()).some((name) => name === "Fountain pen"))
      .toBe(true);
    await unwrap(http.products.$post({ json: { name: "Newest", price: 1, category: "Many" } }));
    await page.getByRole("button", { name: "1 new: show" }).click();
    await page.getByLabel("Order").selectOption("desc");
    await expect.poll(async () => (await names())[0]).toBe("Newest");
    await close();
  },
  120_000,
);

test.runIf(isLaptop)(
  "a list is sorted as a whole, and of a long one the newest, which the page says",
  async () => {
    const { page, go, close } = await openWindow(browser, "products?category=First", {
      url: laptop.url,
    });
    const names = () => page.locator("tbody td:nth-child(2)").allInnerTexts();
    const note = () => page.locator("[data-fact=sorted]").innerText();
    const sort = () => page.getByRole("button", { name: "Name", exact: false }).click();
    const press = (name: string) => page.getByRole("button", { name }).click();
    await expect.poll(async () => (await names()).length).toBe(10);
    expect(await note()).toBe("");
    await sort();
    await expect.poll(note).toBe("All 100 by name");
    const pageOf = (from: number) =>
      Array.from({ length: 100 }, (_, n) => `Scale ${n}`)
        .toSorted()
        .slice(from, from + 10);
    expect(await names()).toEqual(pageOf(0));
    await press("Next");
    await expect.poll(names).toEqual(pageOf(10));
    await press("Back");
    await expect.poll(names).toEqual(pageOf(0));
    const [first] = pageOf(0);
    const { items } = await unwrap(http.products.$get({ query: { sku: "S-0" } }));
    const param = { id: items[0]?.id ?? "" };
    await unwrap(http.products[":id"].$patch({ param, json: { name: `A ${first}` } }));
    await expect.poll(names).toEqual([`A ${first}`, ...pageOf(0).slice(1)]);
    await sort();
    await expect.poll(names).toEqual(pageOf(90).toReversed());
    await sort();
    await expect.poll(note).toBe("");

    await go("products");
    await expect.poll(async () => (await names())[0]).not.toBe("Scale 99");
    await sort();
    await expect.poll(note).toBe("Only the newest 1,000 are sorted; the list has more");
    const beginning = await names();
    expect(beginning).toEqual(beginning.toSorted());
    await page.getByLabel("Order").selectOption("asc");
    await expect.poll(note).toBe("Only the oldest 1,000 are sorted; the list has more");
    await close();
  },
  120_000,
);
