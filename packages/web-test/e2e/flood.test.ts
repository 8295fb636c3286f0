import type { Client } from "@stockwire/client/http";
import type { Browser, Page, WebSocketRoute } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { productOf, someone } from "./stage.ts";
import { listening, openBrowser, openWindow, rowOf } from "./window.ts";

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
  data: Record<string, unknown>;
}

interface Line {
  socket?: WebSocketRoute;
  last?: Change;
}

/** Listens in on the page's socket, so that more of the same can be said on it. */
async function tap(page: Page, line: Line, feed: string): Promise<void> {
  await page.routeWebSocket(/^wss?:/, (socket) => {
    line.socket = socket;
    const server = socket.connectToServer();
    socket.onMessage((text) => server.send(text));
    server.onMessage((text) => {
      const { events = [] } = JSON.parse(String(text)) as { events?: Change[] };
      for (const event of events) if (event.feed === feed) line.last = event;
      socket.send(text);
    });
  });
}

const SECONDS = 5;
const TOTAL = SECONDS * 1000;
const BATCH = 50;

/** Goes on from the last change, as if that record changed a thousand times a second. */
async function flood(
  { socket, last }: Line,
  data: (n: number) => object,
  halfway?: () => Promise<void>,
) {
  if (!socket || !last) throw new Error("the page has heard nothing yet");
  const started = Date.now();
  for (let sent = 0; sent < TOTAL; sent += BATCH) {
    const events = Array.from({ length: BATCH }, (_, at) => {
      const n = sent + at + 1;
      const [seq, version] = [last.seq + n, last.version + n];
      return {
        ...last,
        seq,
        version,
        cursor: `${seq}`,
        data: { ...last.data, ...data(n), version },
      };
    });
    socket.send(JSON.stringify({ type: "events", events, cursor: "later" }));
    const due = started + ((sent + BATCH) * SECONDS * 1000) / TOTAL;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now())));
    if (sent + BATCH === TOTAL / 2) await halfway?.();
  }
  return last.seq + TOTAL;
}

async function expectCalm(page: Page): Promise<void> {
  const { frames, longest, shift } = await seen(page);
  expect(frames, "frames").toBeGreaterThan(SECONDS * 5);
  expect(longest, "ms between two frames").toBeLessThan(1_000);
  expect(shift, "layout shift").toBe(0);
}

test("1 000 events a second do not freeze the stream, and move nothing on it", async () => {
  const { id } = await productOf(http, 3);
  const line: Line = {};
  const { page, close } = await openWindow(browser, "changes", {
    before: (opened) => tap(opened, line, "products"),
  });
  await page.getByLabel("Topic", { exact: true }).selectOption("products");
  await listening(page);
  await http.products[":id"].$patch({ param: { id }, json: { price: 7 } });
  await expect.poll(() => line.last).toBeDefined();
  const received = page.locator("[data-fact=received] dd");
  await expect.poll(() => received.innerText()).not.toBe("0");
  const before = Number(await received.innerText());
  await watch(page);

  const seq = await flood(
    line,
    (n) => ({ price: n }),
    async () => {
      const pressed = Date.now();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
      expect(Date.now() - pressed, "ms until a button answers").toBeLessThan(2_000);
      await page.getByRole("button", { name: "Pause" }).click();
    },
  );
  const total = (before + TOTAL).toLocaleString("en");
  await expect.poll(() => received.innerText()).toBe(total);
  await expect
    .poll(() => page.locator(".change-row[data-seq]").first().getAttribute("data-seq"))
    .toBe(`products-${seq}`);
  await expectCalm(page);
  expect(await page.locator("tr").count()).toBeLessThan(100);
  await close();
});

test("a level that changes 1 000 times a second is shown as it is, and moves nothing", async () => {
  const { id, name } = await productOf(http, 3);
  const line: Line = {};
  const { page, close } = await openWindow(browser, "stock", {
    before: (opened) => tap(opened, line, "inventory"),
  });
  const { figures } = await rowOf(page, name);
  const adjustment = { param: { productId: id }, json: { delta: 1, reason: "counted" } };
  await http.inventory[":productId"].adjustments.$post(adjustment);
  await expect.poll(figures).toMatchObject({ available: "4" });
  await watch(page);
  await flood(line, (n) => ({ available: n, quantity: n + 7, reserved: 7 }));
  await expect
    .poll(figures)
    .toMatchObject({ available: "5,000", quantity: "5,007", reserved: "7" });
  await expectCalm(page);
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
