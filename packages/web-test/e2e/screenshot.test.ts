import { unwrap } from "@stockwire/client/http";
import { expect, test } from "vitest";
import { createProduct, isLaptop, secondClient } from "./stage.ts";
import { findRow, noticeText, openBrowser, openWindow } from "./window.ts";

const PICTURE = new URL("../../../docs/console/stock.png", import.meta.url).pathname;
const isWanted = isLaptop && process.env["SCREENSHOTS"] === "1";

/** `SCREENSHOTS=1 npm run test:e2e -- screenshot` writes the picture that the README shows. */
test.runIf(isWanted)("the stock page, after a reservation and a refused one", async () => {
  const browser = await openBrowser();
  const http = await secondClient();
  const { id } = await createProduct(http, 14, "Atlas");
  const { adjustments, $put: setLevel } = http.inventory[":productId"];
  const param = { productId: id };
  const adjust = (delta: number) => {
    const json = { delta, reason: delta > 0 ? "received" : "sold" };
    return unwrap(adjustments.$post({ param, json }));
  };
  for (const delta of [-3, -2, 6, -5, -1, 4, -6]) await adjust(delta);
  await unwrap(setLevel({ param, json: { quantity: 7, reorderPoint: 8 } }));

  const expected = /status of 409/;
  const { page, close } = await openWindow(browser, "stock", {
    width: 1100,
    height: 690,
    expected,
  });
  const last = await findRow(page, "Last of its kind");
  await last.press("Reserve one");
  await expect.poll(() => noticeText(page)).toContain("done");
  await last.press("Reserve one");
  await expect.poll(() => noticeText(page)).toContain("insufficient_stock");
  await page.getByLabel("Find a product").fill("");
  await adjust(-1);
  await page.waitForTimeout(1_800); // until the highlights of changed values have faded
  await page.screenshot({ path: PICTURE, animations: "disabled" });
  await close();
  await browser.close();
});
