import { unwrap } from "@stockwire/client/http";
import { expect, test } from "vitest";
import { isLaptop, productOf, someone } from "./stage.ts";
import { noticesOf, openBrowser, openWindow, rowOf } from "./window.ts";

const FOLDER = new URL("../../../docs/console/", import.meta.url).pathname;
const isWanted = isLaptop && process.env["SCREENSHOTS"] === "1";

/** `SCREENSHOTS=1 npm run test:e2e -- screenshot` makes the README's pictures anew. */
test.runIf(isWanted)("pictures of each page", async () => {
  const browser = await openBrowser();
  const http = await someone();
  const { id } = await productOf(http, 14, "Atlas");
  const move = (delta: number, reason: string) =>
    unwrap(
      http.inventory[":productId"].adjustments.$post({
        param: { productId: id },
        json: { delta, reason },
      }),
    );
  for (const delta of [-3, -2, 6, -5, -1, 4, -6])
    await move(delta, delta > 0 ? "received" : "sold");
  await unwrap(
    http.inventory[":productId"].$put({
      param: { productId: id },
      json: { quantity: 7, reorderPoint: 8 },
    }),
  );
  const expected = /status of (400|403|409|429)/;
  const size = { width: 1100, height: 600, expected };
  const changes = await openWindow(browser, "changes", size);
  const stock = await openWindow(browser, "stock", { ...size, height: 690 });
  const last = await rowOf(stock.page, "Last of its kind");
  await last.press("Reserve");
  await expect.poll(() => noticesOf(stock.page)).toContain("done");
  await last.press("Reserve");
  await expect.poll(() => noticesOf(stock.page)).toContain("insufficient_stock");
  await stock.page.getByLabel("Find a product").fill("");
  await move(-1, "sold");
  const shoot = async ({ page }: typeof stock, name: string) => {
    await page.waitForTimeout(1_800); // what is lit up has faded
    await page.screenshot({ path: `${FOLDER}${name}.png`, animations: "disabled" });
  };
  await shoot(stock, "stock");
  await last.press("Cancel").catch(() => undefined);
  await shoot(changes, "changes");

  await changes.go(`history/inventory/${id}`);
  await shoot(changes, "history");
  const other = await openWindow(browser, "channels", size);
  await changes.go("channels");
  for (const [window, text] of [
    [other, "Who has the last one?"],
    [changes, "Sold, just now."],
  ] as const) {
    await window.page.getByPlaceholder("Say something").fill(text);
    await window.page.keyboard.press("Enter");
    await changes.page.getByText(text).waitFor();
  }
  await shoot(changes, "channels");
  await other.close();
  for (const page of ["users", "items", "session"]) {
    await changes.go(page);
    await shoot(changes, page);
  }
  await changes.go("limits");
  for (const region of ["Not valid", "Not permitted", "Too often"]) {
    await changes.page
      .getByRole("region", { name: region, exact: true })
      .getByRole("button")
      .click();
  }
  await changes.page.getByText("429 Too Many Requests").first().waitFor();
  await shoot(changes, "limits");
  const phone = await openWindow(browser, "stock", { width: 360, height: 640, dark: true });
  await shoot(phone, "phone");
  for (const window of [stock, changes, phone]) await window.close();
  await browser.close();
});
