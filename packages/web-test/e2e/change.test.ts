import type { Client } from "@stockwire/client/http";
import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
import { openBrowser, openWindow, socketGate, subscribed } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

const reprice = (id: string, price: number) =>
  http.products[":id"].$patch({ param: { id }, json: { price } });

test("a change is shown with feed, seq, op, actor and difference; its record links to its history", async () => {
  const { page, close } = await openWindow(browser, "changes");
  await page.getByLabel("Topic", { exact: true }).selectOption("products");
  await subscribed(page);
  const rows = page.locator(".change-row[data-seq]");
  const { id, name } = await createProduct(http, 3);
  await rows.filter({ hasText: name }).waitFor();
  await reprice(id, 20);

  const row = rows.filter({ hasText: "price" }).first();
  await expect.poll(() => row.innerText()).toMatch(/products\s+\d+\s+update/);
  await expect.poll(() => row.innerText()).toContain("price 12.5 → 20");
  expect(await row.locator("td").nth(5).innerText()).not.toBe("");

  await row.getByRole("link").click();
  const entries = page.getByRole("list", { name: "History" }).getByRole("listitem");
  await expect.poll(() => entries.count()).toBe(2);
  await expect.poll(() => entries.first().innerText()).toContain("price 12.5 → 20");
  await expect.poll(() => entries.last().innerText()).toContain("create");
  await reprice(id, 21);
  await expect.poll(() => entries.count()).toBe(3);
  await close();
});

test("the list starts with the log, is filtered, paused without a loss, and exported", async () => {
  const { id, name } = await createProduct(http, 3);
  await reprice(id, 29);
  const { page, close } = await openWindow(browser, "changes");
  await subscribed(page);
  const rows = page.locator(".change-row[data-seq]");
  const fact = (of: string) => page.locator(`[data-fact^="${of}"] dd`).innerText();
  // From all feeds, before anything has arrived.
  await expect.poll(() => rows.filter({ hasText: "12.5 → 29" }).count()).toBe(1);
  expect(Number(await fact("listed"))).toBeLessThanOrEqual(50);

  await page.getByLabel("Record").fill(id.toUpperCase());
  await expect.poll(() => rows.count()).toBeGreaterThan(1);
  for (const text of await rows.allInnerTexts()) expect(text).toContain(id.slice(-8));
  await page.getByLabel("Actor").fill("nobody");
  await expect.poll(() => rows.count()).toBe(0);
  await page.getByLabel("Actor").fill("");

  await page.getByLabel("Topic", { exact: true }).selectOption("products");
  await subscribed(page);
  await page.getByLabel("Record").fill(id);
  await expect.poll(() => rows.count()).toBe(2);
  const paused = page.getByRole("button", { name: "Pause" });
  await paused.click();
  for (const price of [30, 31]) await reprice(id, price);
  await expect
    .poll(() => page.locator("[data-fact=waiting]").innerText())
    .toMatch(/Paused: ([2-9]|\d\d+) waiting/);
  expect(await rows.count()).toBe(2);
  await page.getByLabel("Actor").fill("nobody"); // also while changes are waiting
  await expect.poll(() => rows.count()).toBe(0);
  await page.getByLabel("Actor").fill("");
  await expect.poll(() => rows.count()).toBe(2);
  await paused.click();
  await expect.poll(() => rows.count()).toBe(4);
  expect(await fact("missing")).toBe("0");

  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const text = await readFile(await (await saved).path(), "utf8");
  const changes = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { op: string });
  expect(changes.map(({ op }) => op)).toEqual(["create", "update", "update", "update"]);
  expect(changes[0]).toMatchObject({ id, data: { name } });

  await page.getByLabel("Another topic").fill(`products/${id}`);
  await page.getByRole("button", { name: "Subscribe" }).click();
  await subscribed(page);
  await createProduct(http, 1);
  await reprice(id, 32);
  await expect.poll(() => fact("received")).toBe("1");
  await expect.poll(() => rows.first().innerText()).toContain("31 → 32");
  await close();
});

test("changes made while the connection is interrupted are received afterwards, without a gap", async () => {
  const { id } = await createProduct(http, 3);
  const gate = socketGate();
  const { page, close } = await openWindow(browser, "changes", { before: gate.install });
  await subscribed(page);
  const fact = (name: string) => page.locator(`[data-fact^="${name}"] dd`).innerText();
  await reprice(id, 40);
  await expect.poll(() => fact("received")).not.toBe("0");

  gate.hold(); // until the changes are made, also if that takes longer than the interruption
  await page.getByRole("switch").click();
  await expect.poll(() => page.locator(".status").innerText()).toContain("Connecting");
  // The clock of a deployed server may be behind the browser's, by which a change is late.
  if (!isLaptop) await new Promise((resolve) => setTimeout(resolve, 500));
  for (const price of [41, 42, 43]) await reprice(id, price);
  expect(await page.getByText("→ 43").count()).toBe(0);
  gate.release();
  await page.getByText("→ 43").waitFor();
  await expect.poll(() => fact("caught up")).toBe("3");
  expect(await fact("missing")).toBe("0");
  const late = page.locator(".change-row[data-late]");
  await expect.poll(() => late.allInnerTexts()).toHaveLength(3);
  await close();
});
