import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiUrl, isLaptop, issueToken } from "./stage.ts";
import { axeFaults, openBrowser, openWindow } from "./window.ts";

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
  const sent: string[] = [];
  page.on("request", (each) => sent.push(new URL(each.url()).pathname));
  await request.getByRole("button").dblclick({ delay: 200 }); // the answer comes between the clicks
  await expect.poll(() => answer("Custom request")).toContain('"scopes"');
  await expect.poll(() => request.getByRole("button").getAttribute("aria-disabled")).toBeNull();
  expect(sent.filter((path) => path === "/me")).toHaveLength(1);
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

test.runIf(isLaptop)(
  "the Partner API: a burst shows what is over the rate and over the quota, and the key is not stored",
  async () => {
    const { page, go, close } = await openWindow(browser, "limits", {
      expected: /status of (403|429)/,
    });
    const card = page.getByRole("region", { name: "Partner API", exact: true });
    const send = card.getByRole("button", { name: "Send requests" });
    const answer = () => card.getByRole("region", { name: "The answer" }).innerText();
    const outcome = () => card.locator(".outcome").innerText();
    const contract = readFileSync(new URL("../../../docs/contract.md", import.meta.url), "utf8");
    const spaced = (text: string) => text.replaceAll(/[\s,|`]+/g, " ").trim();
    const plans = await card.getByRole("row").filter({ hasText: "/s" }).allInnerTexts();
    expect(plans).toHaveLength(2);
    for (const plan of plans) expect(spaced(contract)).toContain(spaced(plan));

    await expect.poll(() => send.getAttribute("aria-disabled")).toBe("true");
    const [key, requests] = [card.getByLabel("API key"), card.getByLabel("Requests")];
    await key.fill("not-a-key-of-this-laptop");
    await send.click();
    await expect.poll(answer).toContain('"message": "Forbidden"');
    expect(await outcome()).toMatch(/^\d{1,2} × 403 Forbidden/); // ends after the first round

    await key.fill(inject("partnerKey"));
    await requests.fill("3");
    await send.click();
    await expect.poll(outcome).toContain("3 × 200 OK");
    expect(await outcome()).toContain("at most 997 of 1,000 (basic) or 9,997 of 10,000");

    const sent: number[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/partner/version")) sent.push(Date.now());
    });
    const load = startLoad("/partner/version", {
      authorization: `Bearer ${await issueToken(inject("laptop"))}`,
      "x-api-key": inject("partnerKey"),
    });
    await requests.fill("5000");
    await send.click();
    await expect.poll(outcome).toMatch(/\d+ × 429 Too Many Requests/);
    await expect.poll(() => send.getAttribute("aria-disabled")).toBeNull();
    expect(sent).toHaveLength(150);
    await expect
      .poll(async () => {
        await send.click();
        return outcome();
      })
      .toContain("429 Limit Exceeded");
    await load.end();
    await expect.poll(() => send.getAttribute("aria-disabled")).toBeNull();
    expect(await outcome()).toContain("used up");
    expect(await answer()).toContain('"message": "');
    expect(await axeFaults(page)).toEqual([]);

    const stored = await page.evaluate(() =>
      JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]),
    );
    expect(stored).not.toContain(inject("partnerKey"));
    await go("session");
    await go("limits");
    expect(await key.inputValue()).toBe(inject("partnerKey"));
    await page.reload();
    await expect.poll(() => key.inputValue()).toBe("");
    await close();
  },
);

/** Sends the same request without a pause. A refused one counts for the throttle as well. */
function startLoad(path = "/users", headers: Record<string, string> = {}) {
  let isEnded = false;
  const url = `${apiUrl(inject("laptop"))}${path}`;
  const worker = async () => {
    while (!isEnded) await (await fetch(url, { headers })).body?.cancel();
  };
  const workers = Array.from({ length: 32 }, worker);
  return {
    async end() {
      isEnded = true;
      await Promise.all(workers);
    },
  };
}
