import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiUrl, isLaptop } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("throttling, a missing scope and an invalid body each show the server's answer", async () => {
  const { page, close } = await openWindow(browser, "limits", {
    expected: /status of (400|403|404|429)/,
  });
  const card = (title: string) => page.getByRole("region", { name: title, exact: true });
  const answer = (title: string) => card(title).getByRole("region", { name: "The answer" });

  await card("Validation").getByRole("button").click();
  await expect.poll(() => answer("Validation").innerText()).toContain("400 Bad Request");
  const text = await answer("Validation").innerText();
  for (const pointer of ["/name", "/email", "/phone", "/age", "/colour"]) {
    expect(text).toContain(`"pointer": "${pointer}"`);
  }

  await card("Missing scope").getByRole("button").click();
  const refused = isLaptop ? ["403 Forbidden", '"message": "Forbidden"'] : ["40"];
  await expect.poll(() => answer("Missing scope").innerText()).toContain(refused[0] ?? "");
  expect(await answer("Missing scope").innerText()).toContain(refused.at(-1));

  await card("Throttling").getByRole("button").click();
  // A browser opens few connections. On a busy machine it alone does not exceed the limit.
  const load = startLoad();
  await expect
    .poll(() => answer("Throttling").innerText(), { timeout: 40_000 })
    .toContain("429 Too Many Requests");
  expect(await answer("Throttling").innerText()).toContain('"message": "Too Many Requests"');
  expect(await card("Throttling").innerText()).toMatch(/\d+ × 429 Too Many Requests/);
  await load.end();
  await close();
});

test("custom requests and frames can be sent, and their answers are shown unchanged", async () => {
  const { page, close } = await openWindow(browser, "limits", { expected: /status of 404/ });
  const card = (title: string) => page.getByRole("region", { name: title, exact: true });
  const answer = (title: string) =>
    card(title).getByRole("region", { name: "The answer" }).innerText();

  const request = card("Custom request");
  await request.getByRole("button").click();
  await expect.poll(() => answer("Custom request")).toContain('"scopes"');
  await request.getByLabel("Method").selectOption("PATCH");
  await request.getByLabel("Path").fill("/users/unknown");
  await request.getByLabel("Body").fill('{"name":"Nobody"}');
  await request.getByRole("button").click();
  await expect.poll(() => answer("Custom request")).toContain('"code": "user_not_found"');

  const frame = card("Custom frame");
  await frame.getByRole("button").click();
  await expect.poll(() => answer("Custom frame")).toContain('"type": "welcome"');
  await frame.getByLabel("Frame").fill('{"action":"dance"}');
  await frame.getByRole("button").click();
  await expect.poll(() => answer("Custom frame")).toContain('"code": "unknown_action"');
  await close();
});

/** Sends the same request without a pause. Without a token it is refused, but it counts. */
function startLoad() {
  let isEnded = false;
  const url = `${apiUrl(inject("laptop"))}/users`;
  const worker = async () => {
    while (!isEnded) await (await fetch(url)).body?.cancel();
  };
  const workers = Array.from({ length: 32 }, worker);
  return {
    async end() {
      isEnded = true;
      await Promise.all(workers);
    },
  };
}
