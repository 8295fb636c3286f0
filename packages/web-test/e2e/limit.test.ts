import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiOf, isLaptop } from "./stage.ts";
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
  // A browser has few connections: on a busy machine it is not quick enough alone.
  const others = rush();
  await expect
    .poll(() => answer("Too often").innerText(), { timeout: 40_000 })
    .toContain("429 Too Many Requests");
  expect(await answer("Too often").innerText()).toContain('"message": "Too Many Requests"');
  expect(await trial("Too often").innerText()).toMatch(/\d+ × 429 Too Many Requests/);
  await others.end();
  await close();
});

test("any request and any frame can be sent, and are answered as they are", async () => {
  const { page, close } = await openWindow(browser, "limits", { expected: /status of 404/ });
  const trial = (title: string) => page.getByRole("region", { name: title, exact: true });
  const answer = (title: string) =>
    trial(title).getByRole("region", { name: "The answer" }).innerText();

  const request = trial("Any request");
  await request.getByRole("button").click();
  await expect.poll(() => answer("Any request")).toContain('"scopes"');
  await request.getByLabel("Method").selectOption("PATCH");
  await request.getByLabel("Path").fill("/users/nobody");
  await request.getByLabel("Body").fill('{"name":"Nobody"}');
  await request.getByRole("button").click();
  await expect.poll(() => answer("Any request")).toContain('"code": "user_not_found"');

  const frame = trial("Any frame");
  await frame.getByRole("button").click();
  await expect.poll(() => answer("Any frame")).toContain('"type": "welcome"');
  await frame.getByLabel("Frame").fill('{"action":"dance"}');
  await frame.getByRole("button").click();
  await expect.poll(() => answer("Any frame")).toContain('"code": "unknown_action"');
  await close();
});

/** Asks the same without a pause; each is counted, and refused for want of a token. */
function rush() {
  let isOver = false;
  const url = `${apiOf(inject("laptop"))}/users`;
  const worker = async () => {
    while (!isOver) await (await fetch(url)).body?.cancel();
  };
  const workers = Array.from({ length: 32 }, worker);
  return {
    async end() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}
