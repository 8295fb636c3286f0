import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uniqueName } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("a message reaches the other window, in the lobby and in a channel that both joined", async () => {
  const windows = await Promise.all([
    openWindow(browser, "channels"),
    openWindow(browser, "channels"),
  ]);
  const [one, two] = windows.map(({ page }) => page);
  if (!one || !two) throw new Error("two windows were opened");
  const messages = (page: typeof one) =>
    page.getByRole("log").locator(".message-text").allInnerTexts();
  const send = async (page: typeof one, text: string) => {
    await page.getByPlaceholder("Write a message").fill(text);
    await page.keyboard.press("Enter");
  };

  const hello = uniqueName("hello");
  await send(one, hello);
  await expect.poll(() => messages(two)).toContain(hello);
  await expect.poll(() => messages(one)).toContain(hello);
  await expect.poll(() => one.locator(".own .message-text").allInnerTexts()).toContain(hello);
  expect(await two.locator(".own .message-text").count()).toBe(0);

  const channel = uniqueName("room").replace(" ", "-");
  for (const page of [one, two]) {
    await page.getByLabel("Channel to join").fill(channel);
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("button", { name: `#${channel}`, pressed: true }).waitFor();
  }
  await send(two, "only here");
  await expect.poll(() => messages(one)).toEqual(["only here"]);
  await one.getByRole("button", { name: "#lobby" }).click();
  expect(await messages(one)).not.toContain("only here");
  await Promise.all(windows.map(({ close }) => close()));
});
