import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { isLaptop } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("the session page shows the token's scopes and its remaining time", async () => {
  const { page, close } = await openWindow(browser, "session");
  const left = page.locator("[data-fact=left]");
  const first = await left.innerText();
  expect(first).toMatch(/^(\d+:)?\d{1,2}:\d{2}$/);
  await expect.poll(() => left.innerText()).not.toBe(first);
  const scopes = page.getByRole("list", { name: "Scopes" });
  expect(await scopes.innerText()).toContain("read:products");
  await close();
});

test.runIf(isLaptop)(
  "a missing scope is reported by the page, the gateway and the Live API",
  async () => {
    const { page, go, close } = await openWindow(browser, "session", { expected: /status of 403/ });
    await page.getByRole("button", { name: "None" }).click();
    await page.getByRole("checkbox", { name: "read:products" }).check();
    await page.getByLabel("Subject").fill("ana");
    await page.getByRole("button", { name: "Use a new token" }).click();
    await expect.poll(() => page.locator(".facts").first().innerText()).toContain("ana");

    await page.getByRole("button", { name: "Check each" }).click();
    const row = (feed: string) => page.getByRole("row").filter({ hasText: `${feed}\t` });
    await expect.poll(() => row("items").innerText()).toContain("403");
    await expect.poll(() => row("items").innerText()).toContain("forbidden_topic");
    expect(await row("products").innerText()).toMatch(/200\s+subscribed/);

    await go("stock");
    await page.getByText("It lacks read:inventory").waitFor();
    await go("session");
    await page.getByRole("button", { name: "All" }).click();
    await page.getByRole("button", { name: "Use a new token" }).click();
    await go("stock");
    await page.getByRole("table", { name: "Stock" }).waitFor();
    await close();
  },
);

test.runIf(isLaptop).each(["stock", "session"])(
  "while the first session starts, %s does not say that there is no token",
  async (path) => {
    let without: number | undefined;
    const { close } = await openWindow(browser, path, {
      before: async (page) => {
        await page.route("**/console/token", async (route) => {
          await page.getByText("Starting a session…").waitFor();
          without = await page.getByText("No token").count();
          await route.continue();
        });
      },
    });
    expect(without).toBe(0);
    await close();
  },
);

test.runIf(isLaptop)("a page of another origin can't get a token", async () => {
  const url = inject("laptop");
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.route("http://elsewhere.example/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "<title>Elsewhere</title>" }),
  );
  await page.goto("http://elsewhere.example/");
  const outcome = await page.evaluate(async (laptop) => {
    const body = JSON.stringify({ scopes: ["admin"], sub: "x", ttl: 60 });
    const request = (init: RequestInit) =>
      fetch(`${laptop}/console/token`, { method: "POST", body, ...init }).then(
        ({ status, type }) => `${status} ${type}`,
        () => "blocked",
      );
    return [
      await request({ headers: { "content-type": "application/json" } }),
      await request({ mode: "no-cors" }),
    ];
  }, url);
  expect(outcome).toEqual(["blocked", expect.stringMatching(/blocked|opaque/)]);
  await context.close();
});
