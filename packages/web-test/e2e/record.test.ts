import { type Client, unwrap } from "@stockwire/client/http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { secondClient, uniqueName } from "./stage.ts";
import { openBrowser, openWindow } from "./window.ts";

let browser: Browser;
let http: Client;
beforeAll(async () => {
  [browser, http] = await Promise.all([openBrowser(), secondClient()]);
});
afterAll(() => browser.close());

const emailOf = (name: string) => `${name.replaceAll(/\W/g, ".").toLowerCase()}@example.com`;

test("users are paged, created and edited; problems are shown at their fields", async () => {
  const names = Array.from({ length: 12 }, () => uniqueName("Paged"));
  const items = names.map((name) => ({ name, email: emailOf(name) }));
  await unwrap(http.users.batch.$post({ json: { items } }));
  const { page, go, close } = await openWindow(browser, "users", {
    expected: /status of (400|409)/,
  });
  await page.getByRole("link", { name: names[11] ?? "" }).waitFor();
  await expect.poll(() => page.getByRole("row").count()).toBe(11);
  await page.getByRole("button", { name: "Older" }).click();
  await page.getByRole("link", { name: names[0] ?? "" }).waitFor();
  await page.getByRole("button", { name: "Newer" }).click();
  await page.getByRole("link", { name: names[11] ?? "" }).waitFor();

  await page.getByRole("link", { name: "New", exact: true }).click();
  const field = (name: string) => page.getByRole("textbox", { name });
  const problemOf = async (label: string) => {
    const input = field(label);
    const ids = (await input.getAttribute("aria-describedby"))?.split(" ") ?? [];
    return {
      invalid: await input.getAttribute("aria-invalid"),
      text: await page.locator(`[id="${ids.at(-1)}"]`).innerText(),
    };
  };
  await field("Name").fill("x");
  await field("Email").fill("nobody");
  await field("Age").fill("7");
  const create = page.getByRole("button", { name: "Create" });
  await create.click();
  await expect
    .poll(() => problemOf("Email"))
    .toEqual({ invalid: "true", text: "Invalid email format" });
  expect(await problemOf("Name")).toEqual({ invalid: "true", text: "Name too short" });
  expect(await problemOf("Age")).toMatchObject({ invalid: "true" });

  const name = uniqueName("Ana");
  await field("Name").fill(name);
  await field("Email").fill(emailOf(names[3] ?? "").toUpperCase());
  await field("Age").fill("34");
  await create.click();
  await expect.poll(() => problemOf("Email")).toMatchObject({ text: "Email already exists" });
  await field("Email").fill(emailOf(name));
  await create.click();
  await page.getByRole("link", { name }).click();
  await field("Phone").fill("5550100123");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name }).waitFor();
  const { items: found } = await unwrap(http.users.$get({ query: { email: emailOf(name) } }));
  expect(found).toEqual([expect.objectContaining({ age: 34, phone: "5550100123", version: 2 })]);
  await go("users");
  await close();
});

test("a user that another client changed meanwhile is merged by member", async () => {
  const name = uniqueName("Both");
  const user = await unwrap(http.users.$post({ json: { name, email: emailOf(name), age: 30 } }));
  const param = { id: user.id };
  const { page, close } = await openWindow(browser, `users/${user.id}`, {
    expected: /status of 412/,
  });
  await page.getByRole("textbox", { name: "Name" }).fill(`${name} mine`);
  await page.getByRole("textbox", { name: "Age" }).fill("31");
  const theirs = { name: `${name} theirs`, phone: "5550100999" };
  await unwrap(http.users[":id"].$patch({ param, json: theirs }));
  await page.getByRole("button", { name: "Save" }).click();

  const merge = page.getByRole("alert").filter({ hasText: "version 2" });
  await merge.waitFor();
  const choice = (member: string, side: string) =>
    merge.getByRole("group", { name: member }).getByLabel(side);
  await expect.poll(() => choice("name", "mine").isChecked()).toBe(true);
  expect(await choice("age", "mine").isChecked()).toBe(true);
  expect(await choice("phone", "theirs").isChecked()).toBe(true);
  await choice("name", "theirs").check();
  await merge.getByRole("button", { name: "Save the merged record" }).click();
  await page.getByRole("link", { name: `${name} theirs` }).waitFor();
  expect(await unwrap(http.users[":id"].$get({ param }))).toMatchObject({
    name: `${name} theirs`,
    age: 31,
    phone: "5550100999",
    version: 3,
  });
  await close();
});

test("items of any shape are created, edited, merged and deleted", async () => {
  const title = uniqueName("Note");
  const { page, close } = await openWindow(browser, "items/new", {
    expected: /status of (400|412)/,
  });
  const text = page.getByLabel("Attributes");
  const create = page.getByRole("button", { name: "Create" });
  await text.fill("{ not json");
  await create.click();
  await expect.poll(() => text.getAttribute("aria-invalid")).toBe("true");
  await text.fill(JSON.stringify({ title, version: 7 }));
  await create.click();
  await expect.poll(() => page.locator(".problem").first().innerText()).toContain("/version");
  await text.fill(JSON.stringify({ title, nested: { list: [1, 2] } }));
  await create.click();

  const link = page.getByRole("row").filter({ hasText: title }).getByRole("link");
  const id = await link.innerText();
  await link.click();
  await expect.poll(() => text.inputValue()).toContain(title);
  const param = { id };
  await unwrap(http.items[":id"].$patch({ param, json: { colour: "blue" } }));
  await text.fill(JSON.stringify({ title: `${title} again`, nested: { list: [1, 2] } }));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Save the merged record" }).click();
  await page
    .getByRole("row")
    .filter({ hasText: `${title} again` })
    .waitFor();
  expect(await unwrap(http.items[":id"].$get({ param }))).toMatchObject({
    title: `${title} again`,
    colour: "blue",
    nested: { list: [1, 2] },
  });
  await page.getByRole("link", { name: id }).click();
  const remove = page.getByRole("button", { name: "Delete", exact: true });
  await remove.click();
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByText("version 3").waitFor();
  // A newer version is shown, not deleted.
  await unwrap(http.items[":id"].$patch({ param, json: { colour: "red" } }));
  await remove.click();
  await page.getByText("Delete version 3 of this record?").waitFor();
  await page.getByRole("button", { name: "Delete it" }).click();
  await page.getByRole("alert").filter({ hasText: "version 4" }).waitFor();
  expect(await unwrap(http.items[":id"].$get({ param }))).toMatchObject({ colour: "red" });
  await page.getByRole("button", { name: "Save the merged record" }).click();
  await page.getByRole("link", { name: id }).click();
  await remove.click();
  await page.getByRole("button", { name: "Delete it" }).click();
  await page.getByRole("region", { name: "List of items" }).waitFor();
  await expect.poll(() => page.getByRole("link", { name: id }).count()).toBe(0);
  expect((await http.items[":id"].$get({ param })).status).toBe(404);
  await close();
});
