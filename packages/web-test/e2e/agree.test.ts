import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiUrl, createProduct, issueToken, secondClient } from "./stage.ts";
import { findRow, openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
let token: string;
const laptop = inject("laptop");
const url = apiUrl(laptop);
beforeAll(async () => {
  [browser, http, token] = await Promise.all([
    openBrowser(),
    secondClient(laptop),
    issueToken(laptop),
  ]);
});
afterAll(() => browser.close());

const WRITES = 500;
const PER_SECOND = 100;

interface Seen {
  at: number; // epoch ms
  value: number;
}

declare global {
  /** In the page: the values that its cell has shown. */
  var seen: Seen[];
}

/** Notes each value that a cell shows, and when. */
const watch = (page: Page, id: string) =>
  page.evaluate((product) => {
    const cell = document.querySelector(`[data-product="${product}"] .stock-available`);
    const seen: Seen[] = [];
    globalThis.seen = seen;
    const note = () => {
      const value = Number(cell?.textContent?.replaceAll(/\D/g, ""));
      seen.push({ at: performance.timeOrigin + performance.now(), value });
    };
    if (!cell) throw new Error("the cell is missing");
    new MutationObserver(note).observe(cell, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  }, id);

const seenBy = (page: Page): Promise<Seen[]> => page.evaluate(() => globalThis.seen);

/** The longest time, in ms, for which one window shows a value that the other has left behind. */
function longestDisagreement(one: readonly Seen[], other: readonly Seen[]): number {
  const behind = (ahead: readonly Seen[], follower: readonly Seen[]) =>
    Math.max(
      0,
      ...ahead.map(({ at, value }) => {
        const reached = follower.find((each) => each.value <= value);
        return reached ? reached.at - at : 0;
      }),
    );
  return Math.max(behind(one, other), behind(other, one));
}

/**
 * Sells one unit, without the Idempotency-Key of the client, which makes each write a read and a
 * transaction. False if an overloaded server refuses it.
 */
async function sell(productId: string): Promise<boolean> {
  const answer = await fetch(`${url}/inventory/${productId}/adjustments`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ delta: -1, reason: "sold" }),
  });
  await answer.arrayBuffer(); // frees the connection
  return answer.ok;
}

/** V8 compiles the server's code during its first writes, which take several times as long as later ones. */
async function warmUp(): Promise<void> {
  const { id } = await createProduct(http, 10_000);
  for (let rounds = 0; rounds < WRITES / 10; rounds++) {
    await Promise.all(Array.from({ length: 10 }, () => sell(id)));
  }
}

test("two windows show the same stock under 100 writes a second", async () => {
  await warmUp();
  const { id, name } = await createProduct(http, 10_000);
  const windows = await Promise.all([openWindow(browser, "stock"), openWindow(browser, "stock")]);
  const rows = await Promise.all(windows.map(({ page }) => findRow(page, name)));
  await Promise.all(windows.map(({ page }) => watch(page, id)));
  const began = Date.now();
  let refused = 0;
  const writes: Promise<unknown>[] = [];
  while (writes.length < WRITES) {
    writes.push(sell(id).then((isSold) => isSold || refused++));
    const due = began + (writes.length * 1000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now()))); // the pace
  }
  await Promise.all(writes);
  const seconds = (Date.now() - began) / 1000;
  const both = () => Promise.all(rows.map(async ({ figures }) => (await figures()).available));
  const level = await unwrap(http.inventory[":productId"].$get({ param: { productId: id } }));
  expect(10_000 - level.available).toBeLessThanOrEqual(WRITES);
  expect(10_000 - level.available).toBeGreaterThanOrEqual(WRITES - refused);
  const shown = level.available.toLocaleString("en");
  await expect.poll(both).toEqual([shown, shown]);

  const [one, other] = await Promise.all(windows.map(({ page }) => seenBy(page)));
  const longest = longestDisagreement(one ?? [], other ?? []);
  process.stdout.write(
    `two windows: ${Math.round(WRITES / seconds)} writes a second, ${refused} refused, ${one?.length} and ${other?.length} values shown, at most ${Math.round(longest)} ms apart\n`,
  );
  // Both followed the changes while they were made, and did not only show the end.
  expect(one?.length).toBeGreaterThan(10);
  expect(other?.length).toBeGreaterThan(10);
  const isFalling = (seen: readonly Seen[] = []) =>
    seen.every(({ value }, index) => index === 0 || value <= (seen[index - 1]?.value ?? 0));
  expect([isFalling(one), isFalling(other)]).toEqual([true, true]);
  await Promise.all(windows.map(({ close }) => close()));
}, 120_000);
