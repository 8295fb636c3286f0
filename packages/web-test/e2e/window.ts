import axe, { type AxeResults } from "axe-core";
import { type Browser, chromium, type ConsoleMessage, type Page } from "playwright-core";
import { expect, inject } from "vitest";
import { chromiumPath } from "./chromium.ts";
import { addressOf } from "./stage.ts";

/** Without these Chromium asks for hosts of its maker's at each start. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath() ?? "chromium", args: ARGS });

interface Options {
  width?: number;
  height?: number;
  dark?: boolean;
  url?: string;
  /** What of the browser's own complaints is part of the test: refusals, a server that is gone. */
  expected?: RegExp;
  before?: (page: Page) => Promise<void>;
}

export interface Window {
  page: Page;
  go: (path: string) => Promise<void>;
  /** Fails if the page has thrown, logged an error, or met its policy; then closes it. */
  close: () => Promise<void>;
}

/** A browser of its own, with nothing in common with others, on one page of the console. */
export async function openWindow(
  browser: Browser,
  path: string,
  options: Options = {},
): Promise<Window> {
  const { width = 1280, height = 800, dark = false, url = inject("laptop"), expected } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    locale: "en-GB",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (!expected?.test(text)) complaints.push(text);
  };
  page.on("pageerror", (error) => complain(`thrown: ${error.message}`));
  page.on("console", (message: ConsoleMessage) => {
    const isBad = message.type() === "error" || message.type() === "warning";
    if (isBad) complain(`${message.text()} ${message.location().url}`);
  });
  await options.before?.(page);
  const { address, token } = addressOf(path, url);
  await page.goto(address);
  if (token !== undefined) {
    await page.getByLabel("Access token").fill(token);
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.evaluate((hash) => (location.hash = hash), `#/${path}`);
  }
  await expect.poll(() => page.locator(".status").innerText()).toContain("Live");
  return {
    page,
    async go(next) {
      await page.evaluate((hash) => (location.hash = hash), `#/${next}`);
    },
    async close() {
      await context.close();
      expect(complaints).toEqual([]);
    },
  };
}

/** The row of a product; the list is searched for it, as there may be many. */
export async function rowOf(page: Page, name: string) {
  await page.getByLabel("Find a product").fill(name);
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
  await row.waitFor();
  const cell = (part: string) => row.locator(`.stock-${part}`);
  const press = (verb: string) => row.getByRole("button", { name: new RegExp(`^${verb}`) }).click();
  const figures = async () => ({
    available: await cell("available").innerText(),
    reserved: await cell("reserved").innerText(),
    quantity: await cell("quantity").innerText(),
    level: await cell("level").innerText(),
  });
  return { row, press, figures };
}

export const noticesOf = (page: Page): Promise<string> => page.locator(".notices").innerText();

/** Waits until the page of changes hears all that comes. */
export const listening = (page: Page): Promise<void> =>
  page.locator('.scroll[aria-busy="false"]').waitFor();

/** The accessibility rules of axe that a page violates, one line for each element. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe: runner } = globalThis as unknown as { axe: { run: () => Promise<AxeResults> } };
    return (await runner.run()).violations;
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")} ${failureSummary}`),
  );
}
