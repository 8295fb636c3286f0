import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { isLaptop, tokenOf } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("each limit answers in its own words", async () => {
  const { page, close } = await openWindow(browser, "limits", {
    expected: /status of (400|403|404|429)/,
  });
  const trial = (title: string) => page.getByRole("region", { name: title, exact: true });
  const answer = (title: string) => trial(title).getByRole("region", { name: "The answer" });

  await trial("Not valid").getByRole("button").click();
  await expect.poll(() => answer("Not valid").innerText()).toContain("400 Bad Request");
  const text = await answer("Not valid").innerText();
  for (const pointer of ["/name", "/email", "/phone", "/age", "/colour"]) {
    expect(text).toContain(`"pointer": "${pointer}"`);
  }

  await trial("Not permitted").getByRole("button").click();
  const refused = isLaptop ? ["403 Forbidden", '"message": "Forbidden"'] : ["40"];
  await expect.poll(() => answer("Not permitted").innerText()).toContain(refused[0] ?? "");
  expect(await answer("Not permitted").innerText()).toContain(refused.at(-1));

  await trial("Too often").getByRole("button").click();
  // A browser has few connections: on a busy machine it may not be quick enough alone.
  const rush = isLaptop ? Array.from({ length: 400 }, () => listUsers()) : [];
  await expect
    .poll(() => answer("Too often").innerText(), { timeout: 40_000 })
    .toContain("429 Too Many Requests");
  expect(await answer("Too often").innerText()).toContain('"message": "Too Many Requests"');
  expect(await trial("Too often").innerText()).toMatch(/\d+ × 200 OK/);
  await Promise.all(rush);
  await close();
});

const token = await tokenOf(inject("laptop"));
const listUsers = async () => {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${inject("laptop")}/users?limit=1`, { headers });
  await answer.body?.cancel();
};
