import type { Client } from "@stockwire/functions/client/http";
import type { Browser, Page, WebSocketRoute } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { productOf, someone } from "./stage.ts";
import { listening, openBrowser, openWindow } from "./window.ts";

/** A thousand events a second, put in between the server and the page. */

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), someone()]);
});
afterAll(() => browser.close());

interface Change {
  feed: string;
  seq: number;
  version: number;
}

interface Line {
  socket?: WebSocketRoute;
  last?: Change;
}

/** Listens in on the page's socket, so that more of the same can be said on it. */
async function tap(page: Page, line: Line): Promise<void> {
  await page.routeWebSocket(/\/live/, (socket) => {
    line.socket = socket;
    const server = socket.connectToServer();
    socket.onMessage((text) => server.send(text));
    server.onMessage((text) => {
      const { events = [] } = JSON.parse(String(text)) as { events?: Change[] };
      for (const event of events) if (event.feed === "products") line.last = event;
      socket.send(text);
    });
  });
}

const SECONDS = 5;
const BATCH = 50;
const BATCHES = (SECONDS * 1000) / BATCH;

test("1 000 events a second do not freeze the page, and move nothing on it", async () => {
  const { id } = await productOf(http, 3);
  const line: Line = {};
  const { page, close } = await openWindow(browser, "changes", {
    before: (opened) => tap(opened, line),
  });
  await page.getByLabel("Topic", { exact: true }).selectOption("products");
  await listening(page);
  await http.products[":id"].$patch({ param: { id }, json: { price: 7 } });
  await expect.poll(() => line.last).toBeDefined();
  const { socket, last } = line;
  if (!socket || !last) throw new Error("the page has no socket");
  const received = page.locator("[data-fact=received] dd");
  await expect.poll(() => received.innerText()).not.toBe("0");
  const before = Number(await received.innerText());
  await watch(page);

  let { seq, version } = last;
  const started = Date.now();
  for (let batch = 0; batch < BATCHES; batch++) {
    const events = Array.from({ length: BATCH }, () => ({
      ...last,
      seq: ++seq,
      version: ++version,
      cursor: `after-${seq}`,
    }));
    socket.send(JSON.stringify({ type: "events", events, cursor: `after-${seq}` }));
    const due = started + ((batch + 1) * SECONDS * 1000) / BATCHES;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now())));
    if (batch === BATCHES / 2) {
      const pressed = Date.now();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
      expect(Date.now() - pressed, "ms until a button answers").toBeLessThan(2_000);
      await page.getByRole("button", { name: "Pause" }).click();
    }
  }
  const total = (before + SECONDS * 1000).toLocaleString("en");
  await expect.poll(() => received.innerText()).toBe(total);
  await expect
    .poll(() => page.locator(".change-row[data-seq]").first().getAttribute("data-seq"))
    .toBe(`products-${seq}`);
  const { frames, longest, shift } = await seen(page);
  expect(frames, "frames").toBeGreaterThan(SECONDS * 5);
  expect(longest, "ms between two frames").toBeLessThan(1_000);
  expect(shift, "layout shift").toBe(0);
  expect(await page.locator("tr").count()).toBeLessThan(100);
  await close();
});

interface Watched {
  frames: number;
  longest: number;
  shift: number;
}

/** Counts frames, the longest wait for one, and what moves by itself. */
const watch = (page: Page) =>
  page.evaluate(() => {
    const watched: Watched = { frames: 0, longest: 0, shift: 0 };
    Object.assign(globalThis, { watched });
    let last = performance.now();
    const tick = (at: number) => {
      watched.frames++;
      watched.longest = Math.max(watched.longest, at - last);
      last = at;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        watched.shift += (entry as PerformanceEntry & { value: number }).value;
      }
    }).observe({ type: "layout-shift" });
  });

const seen = (page: Page): Promise<Watched> =>
  page.evaluate(() => (globalThis as unknown as { watched: Watched }).watched);
