import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unique } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("what one window says, the other hears: in the lobby, and in a channel that both joined", async () => {
  const windows = await Promise.all([
    openWindow(browser, "channels"),
    openWindow(browser, "channels"),
  ]);
  const [one, two] = windows.map(({ page }) => page);
  if (!one || !two) throw new Error("there are two");
  const said = (page: typeof one) => page.getByRole("log").locator(".said").allInnerTexts();
  const say = async (page: typeof one, text: string) => {
    await page.getByPlaceholder("Say something").fill(text);
    await page.keyboard.press("Enter");
  };

  const hello = unique("hello");
  await say(one, hello);
  await expect.poll(() => said(two)).toContain(hello);
  await expect.poll(() => said(one)).toContain(hello);
  await expect.poll(() => one.locator(".own .said").allInnerTexts()).toContain(hello);
  expect(await two.locator(".own .said").count()).toBe(0);

  const channel = unique("room").replace(" ", "-");
  for (const page of [one, two]) {
    await page.getByLabel("Channel to join").fill(channel);
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("button", { name: `#${channel}`, pressed: true }).waitFor();
  }
  await say(two, "only here");
  await expect.poll(() => said(one)).toEqual(["only here"]);
  await one.getByRole("button", { name: "#lobby" }).click();
  expect(await said(one)).not.toContain("only here");
  await Promise.all(windows.map(({ close }) => close()));
});
