/** Inserts 1 000 changes a second between the server and the page, and measures how the page copes. */

import type { Client } from "@stockwire/client/http";
import type { Browser, Page, WebSocketRoute } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProduct, secondClient } from "./stage.ts";
import { subscribed, openBrowser, openWindow, findRow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

interface Change {
  feed: string;
  seq: number;
  version: number;
  data: Record<string, unknown>;
}

interface Tap {
  socket?: WebSocketRoute;
  /** The last change of the feed that the server sent. */
  last?: Change;
}

/** Intercepts the page's WebSocket, so that the test can send further frames on it. */
async function intercept(page: Page, tap: Tap, feed: string): Promise<void> {
  await page.routeWebSocket(/^wss?:/, (socket) => {
    tap.socket = socket;
    const server = socket.connectToServer();
    socket.onMessage((text) => server.send(text));
    server.onMessage((text) => {
      const { events = [] } = JSON.parse(String(text)) as { events?: Change[] };
      for (const event of events) if (event.feed === feed) tap.last = event;
      socket.send(text);
    });
  });
}

const SECONDS = 5;
const TOTAL = SECONDS * 1000;
const BATCH = 50;

/** Sends changes that continue the last one, as if its record changed 1 000 times a second. */
async function flood(
  { socket, last }: Tap,
  data: (n: number) => object,
  halfway?: () => Promise<void>,
) {
  if (!socket || !last) throw new Error("the page has received no change yet");
  const started = Date.now();
  for (let sent = 0; sent < TOTAL; sent += BATCH) {
    const events = Array.from({ length: BATCH }, (_, index) => {
      const n = sent + index + 1;
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

/** The page draws while the changes arrive, moves nothing, and has time to spare for its user. */
async function expectSmooth(measured: Awaited<ReturnType<typeof startMeasuring>>): Promise<void> {
  const { frames, shift, busy } = await measured();
  process.stdout.write(
    `${TOTAL} changes: ${frames} frames, ${busy.toFixed(2)} s of processor time\n`,
  );
  expect(frames, "frames").toBeGreaterThan(SECONDS * 5);
  expect(busy, "s of processor time").toBeLessThan(SECONDS * 0.8);
  expect(shift, "layout shift").toBe(0);
}

test("1 000 changes a second do not freeze the list of changes and cause no layout shift", async () => {
  const { id } = await createProduct(http, 3);
  const tap: Tap = {};
  const { page, close } = await openWindow(browser, "changes", {
    before: (opened) => intercept(opened, tap, "products"),
  });
  await page.getByLabel("Topic", { exact: true }).selectOption("products");
  await subscribed(page);
  await http.products[":id"].$patch({ param: { id }, json: { price: 7 } });
  await expect.poll(() => tap.last).toBeDefined();
  const received = page.locator("[data-fact=received] dd");
  await expect.poll(() => received.innerText()).not.toBe("0");
  const before = Number(await received.innerText());
  const measured = await startMeasuring(page);

  const seq = await flood(
    tap,
    (n) => ({ price: n }),
    async () => {
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
    },
  );
  const total = (before + TOTAL).toLocaleString("en");
  await expect.poll(() => received.innerText()).toBe(total);
  await expect
    .poll(() => page.locator(".change-row[data-seq]").first().getAttribute("data-seq"))
    .toBe(`products-${seq}`);
  await expectSmooth(measured);
  expect(await page.locator("tr").count()).toBeLessThan(100);
  await close();
});

test("a level that changes 1 000 times a second ends with the right figures and causes no layout shift", async () => {
  const { id, name } = await createProduct(http, 3);
  const tap: Tap = {};
  const { page, close } = await openWindow(browser, "stock", {
    before: (opened) => intercept(opened, tap, "inventory"),
  });
  const { figures } = await findRow(page, name);
  const adjustment = { param: { productId: id }, json: { delta: 1, reason: "counted" } };
  await http.inventory[":productId"].adjustments.$post(adjustment);
  await expect.poll(figures).toMatchObject({ available: "4" });
  const measured = await startMeasuring(page);
  await flood(tap, (n) => ({ available: n, quantity: n + 7, reserved: 7 }));
  await expect
    .poll(figures)
    .toMatchObject({ available: "5,000", quantity: "5,007", reserved: "7" });
  await expectSmooth(measured);
  await close();
});

interface Measurements {
  frames: number;
  shift: number;
}

declare global {
  /** In the page that is measured. */
  var measurements: Measurements;
}

/**
 * Measures in the page: frames, the layout shift, and the processor time of its main thread in s, which
 * does not depend on what else the machine does.
 */
async function startMeasuring(page: Page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
  };
  await page.evaluate(() => {
    const measurements: Measurements = { frames: 0, shift: 0 };
    globalThis.measurements = measurements;
    const tick = () => {
      measurements.frames++;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        measurements.shift += (entry as PerformanceEntry & { value: number }).value;
      }
    }).observe({ type: "layout-shift" });
  });
  const before = await busy();
  return async () => ({
    ...(await page.evaluate(() => globalThis.measurements)),
    busy: (await busy()) - before,
  });
}
