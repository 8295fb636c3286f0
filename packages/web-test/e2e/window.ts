import axe, { type AxeResults } from "axe-core";
import {
  type Browser,
  chromium,
  type ConsoleMessage,
  type Page,
  type Request,
} from "playwright-core";
import { expect, inject } from "vitest";
import { chromiumPath } from "./chromium.ts";
import { pageAddress } from "./stage.ts";

declare global {
  /** In a page that has been checked: the script of axe. */
  var axe: { run: () => Promise<AxeResults> };
}

/** For a browser in a container. The last four flags stop Chromium's own background requests. */
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
  /** Console messages that the test expects, such as failed requests. */
  expected?: RegExp;
  /** Runs before the page is opened. */
  before?: (page: Page) => Promise<void>;
}

export interface Window {
  page: Page;
  go: (path: string) => Promise<void>;
  /** Waits until no request is in flight, and nothing on the page is added or moving. */
  settle: () => Promise<void>;
  /** Closes the page. Fails if it threw, logged an error or a warning, or violated its policy. */
  close: () => Promise<void>;
}

/** Opens a page of the console in a browser context that shares nothing with other windows. */
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
  const requests = new Set<Request>(); // in flight
  let sent = 0;
  page.on("request", (request) => {
    requests.add(request);
    sent++;
  });
  page.on("requestfinished", (request) => requests.delete(request));
  page.on("requestfailed", (request) => requests.delete(request));
  const problems: string[] = [];
  const report = (text: string) => {
    if (!expected?.test(text)) problems.push(text);
  };
  page.on("pageerror", (error) => report(`thrown: ${error.message}`));
  page.on("console", (message: ConsoleMessage) => {
    const isProblem = message.type() === "error" || message.type() === "warning";
    if (isProblem) report(`${message.text()} ${message.location().url}`);
  });
  await options.before?.(page);
  const { address, token } = pageAddress(path, url);
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
    async settle() {
      const isSettled = async () => {
        const before = sent;
        return requests.size === 0 && !(await page.evaluate(isMoving)) && sent === before;
      };
      await expect.poll(isSettled).toBe(true);
    },
    async close() {
      await context.close();
      expect(problems).toEqual([]);
    },
  };
}

/** Holds the WebSocket connections that a page opens between `hold` and `release`. */
export function socketGate() {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  return {
    /** For `before` of `openWindow`. */
    install: (page: Page): Promise<void> =>
      page.routeWebSocket(/^wss?:/, async (socket) => {
        await gate.promise;
        socket.connectToServer();
      }),
    hold: () => void (gate = Promise.withResolvers()),
    release: () => gate.resolve(),
  };
}

/** Finds the row of a product by a search, because the list may be long. */
export async function findRow(page: Page, name: string) {
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

export const noticeText = (page: Page): Promise<string> => page.locator(".notices").innerText();

/** Waits until the subscription of the changes page is active. */
export const subscribed = (page: Page): Promise<void> =>
  page.locator('.scroll[aria-busy="false"]').waitFor();

/** In the page: true if it is busy, an animation runs, or elements are added in the next frames. */
async function isMoving(): Promise<boolean> {
  let isDrawing = false;
  const observer = new MutationObserver(() => (isDrawing = true));
  observer.observe(document, { childList: true, subtree: true });
  // Preact runs effects in a task after a frame: by then a page that was opened has sent its requests.
  for (let round = 0; round < 3; round++) {
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
  }
  observer.disconnect();
  const isBusy = document.querySelector('[aria-busy="true"]') !== null;
  const isAnimated = document.getAnimations().some(({ playState }) => playState === "running");
  return isDrawing || isBusy || isAnimated;
}

/** The accessibility rules of axe that a page violates, one line for each element. */
export async function axeFaults(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")} ${failureSummary}`),
  );
}
