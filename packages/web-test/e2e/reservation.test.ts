import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient, uniqueName } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

const read = (id: string) => unwrap(http.reservations[":id"].$get({ param: { id } }));

test("a reservation of several lines is made, counts down, is extended and confirmed", async () => {
  const first = await createProduct(http, 5);
  const second = await createProduct(http, 1);
  const sku = uniqueName("sku").replaceAll(" ", "-");
  await unwrap(http.products[":id"].$patch({ param: { id: second.id }, json: { sku } }));
  const { page, close } = await openWindow(browser, `reservations/new?product=${first.id}`, {
    expected: /status of (404|409)/,
  });
  const line = (index: number) => page.locator(".reservation-line").nth(index);
  const found = (index: number) => line(index).locator("[data-fact=found]").innerText();
  await expect.poll(() => found(0)).toBe(`${first.name} · 5 available`);
  await line(0).getByLabel("Units").fill("2");
  await page.getByRole("button", { name: "Add a line" }).click();
  await line(1).getByRole("textbox").fill("nothing has this sku");
  await expect.poll(() => found(1)).toBe("No such product");
  await line(1).getByRole("textbox").fill(sku);
  await expect.poll(() => found(1)).toContain(second.name);
  await line(1).getByLabel("Units").fill("3");
  await page.getByLabel("Reference").fill("two lines");
  const reserve = page.getByRole("button", { name: "Reserve", exact: true });
  await reserve.click();
  await expect.poll(() => line(1).innerText()).toContain("Only 1 available");
  await line(1).getByLabel("Units").fill("1");
  await reserve.dblclick();

  const fact = (name: string) => page.locator(`[data-fact=${name}]`).innerText();
  await expect.poll(() => fact("status")).toBe("active");
  const id = new URL(page.url()).hash.split("/").at(-1) ?? "";
  const { items } = await unwrap(http.reservations.$get({ query: { productId: first.id } }));
  expect(items.map((each) => each.id)).toEqual([id]); // the double click has one effect
  expect((await read(id)).lines).toHaveLength(2);
  await expect
    .poll(() => page.getByRole("table", { name: "Lines" }).innerText())
    .toContain(second.name);
  const left = async () => {
    const [, minutes = "", seconds = ""] = /(\d+):(\d\d)/.exec(await fact("left")) ?? [];
    return Number(minutes) * 60 + Number(seconds);
  };
  const before = await left();
  await expect.poll(left).toBeLessThan(before);
  await page.getByRole("button", { name: "Extend" }).click();
  await expect.poll(left).toBeGreaterThan(20 * 60);
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText(`Sell 2 × ${first.name}, 1 × ${second.name}`).waitFor();
  await page.getByRole("button", { name: "Sell" }).click();
  await expect.poll(() => fact("status")).toBe("confirmed");
  expect(await page.getByRole("button", { name: "Extend" }).count()).toBe(0);
  await close();
});

test("the list is filtered by status and product, and its address can be shared", async () => {
  const product = await createProduct(http, 9);
  const make = (reference: string) =>
    unwrap(
      http.reservations.$post({
        json: { reference, lines: [{ productId: product.id, quantity: 1 }], ttlSeconds: 3600 },
      }),
    );
  const [kept, cancelled] = [await make("kept"), await make("given up")];
  await unwrap(http.reservations[":id"].cancel.$post({ param: { id: cancelled.id } }));
  const { page, close } = await openWindow(browser, "reservations");
  await page.getByLabel("Product: sku or id").fill(product.id);
  await page.getByRole("button", { name: "Find" }).click();
  const names = () => page.locator("tbody tr td:nth-child(2)").allInnerTexts();
  await expect.poll(names).toEqual(["given up", "kept"]);
  await page.getByLabel("Status").selectOption("active");
  await expect.poll(names).toEqual(["kept"]);
  expect(new URL(page.url()).hash).toBe(`#/reservations?status=active&product=${product.id}`);
  await page.reload();
  await expect.poll(names).toEqual(["kept"]);
  const status = page.locator("tbody tr td:nth-child(4)");
  await expect.poll(() => status.innerText()).toBe("active");

  await page.getByLabel("Select kept").check();
  await page.getByRole("button", { name: "Cancel the selected" }).click();
  await page.getByRole("button", { name: "Release them" }).click();
  await expect.poll(names).toEqual([]);
  expect((await read(kept.id)).status).toBe("cancelled");
  await close();
});
