/**
 * Sign-in at the laptop's own issuer, and at a stage: there the laptop at 127.0.0.1 serves as a stage of
 * another origin, and the test answers for Cognito.
 */

import type { Browser, BrowserContext, Page } from "playwright-core";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { isLaptop, issueToken } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

const ISSUER = "https://cognito-idp.example/pool";
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
  const query = new URLSearchParams({ api: other, live, issuer: ISSUER, client: CLIENT });
  return `${inject("laptop")}/console?${query.toString()}#/session`;
};

/** Fakes a user pool whose user is signed in: gives a code, and a token for it and its verifier. */
async function fakeCognito(context: BrowserContext, forge = (state: string) => state) {
  const requests: URLSearchParams[] = [];
  let challenge = "";
  // Cognito's issuer is on another host than its endpoints.
  await context.route(`${ISSUER}/.well-known/openid-configuration`, (route) =>
    route.fulfill({
      headers: { "access-control-allow-origin": "*" },
      json: {
        issuer: ISSUER,
        authorization_endpoint: `${DOMAIN}/oauth2/authorize`,
        token_endpoint: `${DOMAIN}/oauth2/token`,
      },
    }),
  );
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

/** The list shows the newest users, and other files may have created many. */
const anyUser = (page: Page) => page.getByRole("cell", { name: "@" }).first();
const statusOf = (page: Page) => page.locator(".status").innerText();

/** Waits for a user and the connection. A page that closes it before it is open has a warning. */
async function signedInAs(page: Page, name: string): Promise<void> {
  await expect.poll(() => page.locator(".facts").first().innerText()).toContain(name);
  await expect.poll(() => statusOf(page)).toContain("Live");
}

describe.runIf(isLaptop)("at the laptop", () => {
  const signOut = async (page: Page) => {
    await page.getByRole("button", { name: /^Sign out|^End the session/ }).click();
    await expect.poll(() => statusOf(page)).toContain("Offline");
  };

  test("one click signs a user in, and the browser returns to the same page", async () => {
    const { page, go, close } = await openWindow(browser, "session");
    await signOut(page);
    await go("users");
    await page.getByText("No token").waitFor();
    await page.getByRole("button", { name: "Sign in as jane" }).click();
    await anyUser(page).waitFor();
    expect(new URL(page.url()).hash).toBe("#/users");
    expect(new URL(page.url()).search).toBe("");
    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]),
    );
    expect(kept).not.toMatch(/eyJ|verifier/);
    await go("session");
    await signedInAs(page, "jane");
    await close();
  });

  test("a code for which this tab has not asked starts no sign-in", async () => {
    const { page, close } = await openWindow(browser, "session");
    await page.goto(`${inject("laptop")}/console?code=none&state=none#/stock`);
    await page.locator(".stock-row").first().waitFor();
    await expect.poll(() => statusOf(page)).toContain("Live");
    await close();
  });

  test("another user is chosen on the issuer's page, and has that user's scopes", async () => {
    const { page, go, close } = await openWindow(browser, "session");
    await page.getByRole("button", { name: "Choose a user" }).click();
    await page.getByRole("link", { name: "John Doe" }).click();
    await signedInAs(page, "john");
    const scopes = page.getByRole("list", { name: "Scopes" });
    expect(await scopes.innerText()).toMatch(/read:users\s+granted[^]*write:users\s+not granted/);
    await go("users");
    await anyUser(page).waitFor();
    await close();
  });

  test("requests whose token was refused at the same time share one renewal", async () => {
    const { page, go, close } = await openWindow(browser, "session", { expected: /status of 401/ });
    await page.getByRole("button", { name: "Sign in as jane" }).click();
    await signedInAs(page, "jane");
    const renewals: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/oauth2/token")) renewals.push(request.postData() ?? "");
    });
    let first: string | undefined;
    await page.route(/\/(products|inventory)(\?|$)/, (route) => {
      const { authorization } = route.request().headers();
      first ??= authorization;
      if (authorization !== first) return route.fallback();
      return route.fulfill({ status: 401, json: { message: "Unauthorized" } });
    });
    await go("stock");
    await page.locator(".stock-row").first().waitFor();
    expect(renewals).toEqual([expect.stringContaining("grant_type=refresh_token")]);
    await close();
  });

  test("after the end of a sign-in its page asks for another one, and is shown again", async () => {
    const { page, go, close } = await openWindow(browser, "session", {
      expected: /status of 40[01]/,
    });
    await page.getByRole("button", { name: "Sign in as jane" }).click();
    await signedInAs(page, "jane");
    await page.route("**/oauth2/token", (route) =>
      route.fulfill({ status: 400, json: { error: "invalid_grant" } }),
    );
    await page.route(/\/users\?/, (route) =>
      route.fulfill({ status: 401, json: { message: "Unauthorized" } }),
    );
    await go("users");
    await page.getByText("The session has ended").waitFor();
    await page.getByText("No token").waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Sign in as jane" }).click();
    await anyUser(page).waitFor();
    expect(new URL(page.url()).hash).toBe("#/users");
    await close();
  });

  test("signing out revokes the refresh token", async () => {
    const { page, close } = await openWindow(browser, "session");
    const granted = page.waitForResponse("**/oauth2/token");
    await page.getByRole("button", { name: "Sign in as jane" }).click();
    const { refresh_token: refreshToken } = (await (await granted).json()) as {
      refresh_token: string;
    };
    await signedInAs(page, "jane");
    const revoked = page.waitForResponse("**/oauth2/revoke");
    await signOut(page);
    expect((await revoked).status()).toBe(200);
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: "stockwire-console",
    });
    const answer = await fetch(`${inject("laptop")}/oauth2/token`, { method: "POST", body });
    expect(await answer.json()).toMatchObject({ error: "invalid_grant" });
    await close();
  });
});

test.runIf(isLaptop)(
  "a user signs in at Cognito with a code and PKCE, and returns to the same stage",
  async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const requests = await fakeCognito(context);
    await page.goto(stageAddress());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => statusOf(page)).toContain("Live");
    expect(await statusOf(page)).toContain("127.0.0.1");
    expect(requests[0]?.get("code_challenge_method")).toBe("S256");
    expect(requests[1]?.get("grant_type")).toBe("authorization_code");
    expect(page.url()).not.toContain("the-code");
    expect(new URL(page.url()).searchParams.get("client")).toBe(CLIENT);
    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]),
    );
    expect(kept).not.toMatch(/eyJ|verifier/);
    await page.evaluate(() => (location.hash = "#/stock"));
    await page.locator(".stock-row").first().waitFor();
    expect(errors).toEqual([]);
    await context.close();
  },
);

test.runIf(isLaptop)("a sign-in that another tab started is refused", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = await fakeCognito(context, () => "another-state");
  await page.goto(stageAddress());
  await page.getByRole("button", { name: "Sign in" }).click();
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
  await expect.poll(() => statusOf(page)).toContain("Live");
  await page.getByRole("button", { name: "End the session" }).click();
  await expect.poll(() => statusOf(page)).toContain("Offline");
  await context.close();
});
