import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { axeFaults, openBrowser } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** Opens a page of the guide. `close` fails if it logged an error or violated its policy. */
async function openGuide(path: string, { dark = false, width = 1280 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: dark ? "dark" : "light",
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(inject("laptop")) && !request.url().startsWith("data:")) {
      problems.push(`another host: ${request.url()}`);
    }
  });
  await page.goto(`${inject("laptop")}/docs/guide${path}`);
  return {
    page,
    close: async () => {
      await context.close();
      expect(problems).toEqual([]);
    },
  };
}

const pagesOf = (page: Page) =>
  page
    .locator("nav > ul > li > a")
    .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname));

/** Colours and widths do not depend on the page, so axe reads a few pages in the other looks. */
test.each([
  { dark: false, width: 1280, read: /./ },
  { dark: true, width: 1280, read: /concepts|consumer/ },
  { dark: false, width: 360, read: /concepts|gateway/ },
])(
  "axe finds nothing on any page, diagrams are drawn, and no page is too wide: %o",
  async ({ read, ...look }) => {
    const { page, close } = await openGuide("", look);
    const paths = await pagesOf(page);
    expect(paths.length).toBeGreaterThan(12);
    for (const path of paths) {
      await page.goto(inject("laptop") + path);
      const { diagrams, clientWidth, scrollWidth } = await page.evaluate(() => ({
        diagrams: [...document.images].map(
          ({ complete, naturalWidth }) => complete && naturalWidth,
        ),
        clientWidth: document.documentElement.clientWidth,
        scrollWidth: document.documentElement.scrollWidth,
      }));
      expect([path, diagrams.filter((width) => !width)]).toEqual([path, []]);
      expect([path, scrollWidth > clientWidth]).toEqual([path, false]);
      if (read.test(path)) expect([path, await axeFaults(page)]).toEqual([path, []]);
    }
    await close();
  },
  240_000,
);

test("a reader finds a section by the search, and walks on by the links", async () => {
  const { page, close } = await openGuide("");
  await page.getByRole("searchbox", { name: "Search the guide" }).fill("cursor_expired");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.getByRole("status").innerText()).toMatch(/^\d+ sections$/);
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole("link", { name: "Contract: Change log" }).click();
  await expect.poll(() => page.url()).toMatch(/\/docs\/guide\/contract#change-log$/);
  await page.getByRole("navigation").getByRole("link", { name: "Quick start" }).click();
  await page.getByRole("link", { name: "Next Concepts" }).click();
  await page.getByRole("heading", { level: 1, name: "Concepts" }).waitFor();
  await close();
});
