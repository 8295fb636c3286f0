/** The laptop at 127.0.0.1 serves as a stage of another origin; the test answers for Cognito. */

import type { Browser, BrowserContext } from "playwright-core";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { isLaptop, issueToken } from "./stage.ts";
import { openBrowser } from "./window.ts";

const DOMAIN = "https://cognito.example";
const CLIENT = "browser-client";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const stageAddress = () => {
  const other = inject("laptop").replace("localhost", "127.0.0.1");
  const live = `${other.replace("http", "ws")}/live`;
  const query = new URLSearchParams({ api: other, live, auth: DOMAIN, client: CLIENT });
  return `${inject("laptop")}/console?${query.toString()}#/session`;
};

/** Fakes a user pool whose user is signed in: gives a code, and a token for it and its verifier. */
async function fakeCognito(context: BrowserContext, forge = (state: string) => state) {
  const requests: URLSearchParams[] = [];
  let challenge = "";
  await context.route(`${DOMAIN}/oauth2/authorize?*`, (route) => {
    const query = new URL(route.request().url()).searchParams;
    requests.push(query);
    challenge = query.get("code_challenge") ?? "";
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("code", "the-code");
    back.searchParams.set("state", forge(query.get("state") ?? ""));
    return route.fulfill({ status: 302, headers: { location: back.href } });
  });
  await context.route(`${DOMAIN}/oauth2/token`, async (route) => {
    const form = new URLSearchParams(route.request().postData() ?? "");
    requests.push(form);
    const verifier = form.get("code_verifier") ?? "";
    const isVerified = createHash("sha256").update(verifier).digest("base64url") === challenge;
    const isValid =
      isVerified && form.get("code") === "the-code" && form.get("client_id") === CLIENT;
    await route.fulfill({
      status: isValid ? 200 : 400,
      headers: { "access-control-allow-origin": "*", "content-type": "application/json" },
      body: JSON.stringify(
        isValid ? { access_token: await issueToken(inject("laptop")) } : { error: "invalid_grant" },
      ),
    });
  });
  return requests;
}

test.runIf(isLaptop)(
  "a user signs in at Cognito with a code and PKCE, and returns to the same stage",
  async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const requests = await fakeCognito(context);
    await page.goto(stageAddress());
    await page.getByRole("button", { name: "Sign in with Cognito" }).click();
    await expect.poll(() => page.locator(".status").innerText()).toContain("Live");
    expect(await page.locator(".status").innerText()).toContain("127.0.0.1");
    expect(requests[0]?.get("code_challenge_method")).toBe("S256");
    expect(requests[1]?.get("grant_type")).toBe("authorization_code");
    expect(page.url()).not.toContain("the-code");
    expect(new URL(page.url()).searchParams.get("client")).toBe(CLIENT);
    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]),
    );
    expect(kept).not.toMatch(/eyJ|verifier/);
    await page.evaluate(() => (location.hash = "#/stock"));
    await page.getByRole("rowheader", { name: "Fountain pen" }).waitFor();
    expect(errors).toEqual([]);
    await context.close();
  },
);

test.runIf(isLaptop)("a sign-in that another tab started is refused", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = await fakeCognito(context, () => "another-state");
  await page.goto(stageAddress());
  await page.getByRole("button", { name: "Sign in with Cognito" }).click();
  await page.getByText("not for this tab").waitFor();
  expect(requests).toHaveLength(1);
  await context.close();
});

test.runIf(isLaptop)("a pasted token works until the session is ended", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(stageAddress());
  await page.getByLabel("Access token").fill("nonsense");
  await page.getByRole("button", { name: "Use this token" }).click();
  await page.getByText("Not a token").waitFor();
  await page.getByLabel("Access token").fill(`Bearer ${await issueToken(inject("laptop"))}`);
  await page.getByRole("button", { name: "Use this token" }).click();
  await expect.poll(() => page.locator(".status").innerText()).toContain("Live");
  await page.getByRole("button", { name: "End the session" }).click();
  await expect.poll(() => page.locator(".status").innerText()).toContain("Offline");
  await context.close();
});
