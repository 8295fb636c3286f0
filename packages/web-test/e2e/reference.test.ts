import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiUrl, issueToken, uniqueName } from "./stage.ts";
import { axeFaults, openBrowser } from "./window.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** Opens the API reference. `close` fails if the page threw, logged an error or violated its policy. */
async function openReference(expected = /^$/) {
  const url = apiUrl(inject("laptop"));
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`thrown: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !expected.test(message.text())) {
      problems.push(message.text());
    }
  });
  await page.goto(`${url}/docs`);
  await page.locator(".op").first().waitFor();
  return {
    url,
    page,
    close: async () => {
      await context.close();
      expect(problems).toEqual([]);
    },
  };
}

/** Opens one operation by its link in the menu, and returns its section. */
async function openOperation(page: Page, id: string) {
  await page.locator(`nav a[href="#${id}"]`).click();
  const section = page.locator(`#${id}`);
  await section.getByRole("button", { name: "Send" }).waitFor();
  const status = () => section.getByRole("status").innerText();
  const send = () => section.getByRole("button", { name: "Send" }).click();
  return { section, status, send };
}

test("the API reference shows each operation of the document, with a form and a curl line", async () => {
  const { page, url, close } = await openReference();
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, { description: string } & Record<string, { operationId: string }>>;
  };
  const ids = Object.values(paths).flatMap(({ description: _description, ...methods }) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  const shown = await page.locator(".op").evaluateAll((nodes) => nodes.map(({ id }) => id));
  expect(shown.toSorted()).toEqual(ids.toSorted());
  for (const id of ids) {
    await page.evaluate((hash) => (location.hash = hash), id);
    const section = page.locator(`#${id}[open]`);
    await expect
      .poll(() => section.getByLabel("curl line", { exact: true }).innerText())
      .toMatch(/^curl -i /);
    expect(await section.locator(".answers p").count()).toBeGreaterThan(0);
  }
  await close();
});

test("the API reference sends requests: create a product, read it, and link a problem to its meaning", async () => {
  const { page, url, close } = await openReference(/status of 404/);
  await page.getByRole("textbox", { name: "Token" }).fill(await issueToken(inject("laptop")));

  const create = await openOperation(page, "postProducts");
  const body = create.section.getByRole("textbox", { name: "Body" });
  const example = JSON.parse(await body.inputValue()) as object;
  const name = uniqueName("Referenced");
  await body.fill(
    JSON.stringify({ ...example, name, sku: uniqueName("sku").replaceAll(" ", "-") }),
  );
  await create.send();
  await expect.poll(create.status).toContain("201 Created");
  expect(await create.section.getByLabel("Body", { exact: true }).innerText()).toContain(name);

  const read = await openOperation(page, "getProductsId");
  const id = read.section.getByRole("textbox", { name: "id" });
  expect(await id.inputValue()).toMatch(/^[0-9a-f-]{36}$/); // from the product just created
  await read.send();
  await expect.poll(read.status).toContain("200 OK");
  await id.fill("unknown");
  expect(await read.section.getByLabel("curl line", { exact: true }).innerText()).toContain(
    `'${url}/products/unknown'`,
  );
  await read.send();
  await expect.poll(read.status).toContain("404 Not Found");
  const reply = read.section.locator(".reply");
  await reply.getByRole("link", { name: "product_not_found" }).click();
  await expect.poll(() => page.url()).toBe(`${url}/docs/problems#product_not_found`);
  await page.locator("tr#product_not_found").waitFor();
  await close();
});

test("axe finds nothing on the API reference and on the list of problems", async () => {
  const { page, url, close } = await openReference();
  await openOperation(page, "patchUsersId");
  expect(await axeFaults(page)).toEqual([]);
  await page.goto(`${url}/docs/problems`);
  expect(await axeFaults(page)).toEqual([]);
  await close();
});
