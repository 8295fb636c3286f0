import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axeFaults, openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("an address that names no page shows that, and a way back", async () => {
  const { page, go, close } = await openWindow(browser, "users/%E0%A4%A");
  const heading = page.getByRole("heading", { level: 1 });
  await expect.poll(() => heading.innerText()).toBe("Not found");
  expect(await page.getByRole("main").innerText()).toContain("#/users/%E0%A4%A");
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole("link", { name: "go to Stock" }).click();
  await page.getByRole("table", { name: "Stock" }).waitFor();
  for (const path of ["nothing", "%", "constructor", "stock/1", "history", "history/pens/1"]) {
    await go(path);
    await expect.poll(() => heading.innerText(), { message: path }).toBe("Not found");
    await go("session");
    await expect.poll(() => heading.innerText(), { message: path }).toBe("Session");
  }
  await go("");
  await expect.poll(() => heading.innerText()).toBe("Stock");
  await close();
});

test("a page that throws shows what happened, and a way back", async () => {
  const { page, go, close } = await openWindow(browser, "session", {
    expected: /Invalid time value/,
  });
  let isBroken = true;
  await page.route("**/users?**", async (route) => {
    if (!isBroken) return route.fallback();
    const user = { id: "1", name: "Ana", email: "ana@example.com", status: "active" };
    const items = [{ ...user, updatedAt: "not a time", version: 1 }];
    return route.fulfill({ json: { items, count: 1, nextToken: null } });
  });
  await go("users");
  const alert = page.getByRole("main").getByRole("alert");
  await expect.poll(() => alert.innerText()).toContain("RangeError: Invalid time value");
  expect(await axeFaults(page)).toEqual([]);
  await go("items");
  await page.getByRole("region", { name: "List of items" }).waitFor();
  expect(await alert.count()).toBe(0);

  await go("users");
  await alert.waitFor();
  isBroken = false;
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("region", { name: "List of users" }).waitFor();
  isBroken = true;
  await go("items");
  await go("users");
  await alert.getByRole("link", { name: "Go to Stock" }).click();
  await page.getByRole("table", { name: "Stock" }).waitFor();
  await close();
});

test("a console whose scripts cannot be loaded says so", async () => {
  const { page, close } = await openWindow(browser, "session", { expected: /ERR_FAILED/ });
  await page.route("**/assets/start-*", (route) => route.abort());
  await page.reload();
  await expect.poll(() => page.locator("#app").innerText()).toContain("The console cannot start");
  await close();
});
