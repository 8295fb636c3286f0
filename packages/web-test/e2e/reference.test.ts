import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { apiUrl, createProduct, isLaptop, issueToken, secondClient, uniqueName } from "./stage.ts";
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

test("the API reference shows each operation of the document, with a form and the request as code", async () => {
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
      .poll(() => section.getByLabel("Request as code").innerText())
      .toMatch(/^curl -iN /);
    expect(await section.locator(".answers p").count()).toBeGreaterThan(0);
  }
  await close();
});

test("the API reference sends requests: create a product, read it, and link a problem to its meaning", async () => {
  const { page, url, close } = await openReference(/status of 404/);
  await page
    .getByRole("textbox", { name: "Token", exact: true })
    .fill(await issueToken(inject("laptop")));

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
  expect(await read.section.getByLabel("Request as code").innerText()).toContain(
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

test("the search shows the operations that have all words, and / leads to it", async () => {
  const { page, close } = await openReference();
  const operations = page.locator(".op:visible");
  const all = await operations.count();
  await page.keyboard.press("/");
  await page.keyboard.type("reservation extend");
  await expect
    .poll(() => operations.evaluateAll((nodes) => nodes.map(({ id }) => id)))
    .toEqual(["postReservationsIdExtend"]);
  expect(await page.locator("nav a:visible").count()).toBe(1);
  await expect.poll(() => page.locator("#found").innerText()).toBe("1 found");
  await page.getByRole("searchbox").fill("insufficient_stock"); // a code of an answer
  await expect.poll(() => page.locator("#postReservations:visible").count()).toBe(1);
  expect(await axeFaults(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect.poll(() => operations.count()).toBe(all);
  await close();
});

/** Runs code of the reference in its language, and returns what it prints. */
async function run(language: string, code: string, token: string): Promise<string> {
  const commands: Readonly<Record<string, [string, ...string[]]>> = {
    curl: ["bash", "-c", code],
    TypeScript: [process.execPath, "--input-type=module-typescript", "--eval", code],
    Python: ["python3", "-c", code],
  };
  const [command = "", ...args] = commands[language] ?? [];
  const env = { ...process.env, TOKEN: token };
  return (await promisify(execFile)(command, args, { env })).stdout;
}

test.runIf(isLaptop)(
  "one press gets a token, and the request as code runs in each language",
  async () => {
    const { page, close } = await openReference();
    await page.getByRole("button", { name: "Get a token" }).click();
    const field = page.getByRole("textbox", { name: "Token", exact: true });
    await expect.poll(() => field.inputValue()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = await field.inputValue();

    const create = await openOperation(page, "postItems");
    const text = `it's "quoted" \\ $HOME \`x\` ü ${uniqueName("code")}`;
    await create.section.getByRole("textbox", { name: "Body" }).fill(JSON.stringify({ text }));
    for (const language of ["curl", "TypeScript", "Python"]) {
      await create.section.getByLabel("Language").selectOption(language);
      const code = await create.section.getByLabel("Request as code").innerText();
      const printed = await run(language, code, token);
      expect([language, /\b201\b/.test(printed), printed.includes(JSON.stringify(text))]).toEqual([
        language,
        true,
        true,
      ]);
    }
    // The language and the token are kept for this tab.
    await page.reload();
    await page.locator(".op").first().waitFor();
    const read = await openOperation(page, "getItems");
    const code = await read.section.getByLabel("Request as code").innerText();
    expect(await run("Python", code, token)).toMatch(/^200 \{"items":/);
    expect(await field.inputValue()).toBe(token);
    await close();
  },
);

test.runIf(isLaptop)(
  "the change stream shows changes while they happen, until it is stopped",
  async () => {
    const { page, url, close } = await openReference(/status of 406/);
    await page.getByRole("button", { name: "Get a token" }).click();
    await page.getByRole("link", { name: "Try the change stream" }).click();
    const section = page.locator("#getChangesStream");
    await section.getByRole("textbox", { name: "topic" }).fill("products");
    await section.getByRole("button", { name: "Send" }).click();
    const status = () => section.getByRole("status").innerText();
    await expect.poll(status).toBe("200 Receiving events");
    const events = section.getByLabel("Events");
    await expect.poll(() => events.innerText()).toContain("event: changes");
    const { id } = await createProduct(await secondClient(), 1);
    await expect.poll(() => events.innerText()).toContain(`"id": "${id}"`);
    expect(await section.getByLabel("Request as code").innerText()).toContain(
      `'${url}/partner/changes/stream?topic=products'`,
    );
    expect(await axeFaults(page)).toEqual([]);
    await section.getByRole("button", { name: "Stop" }).click();
    await expect.poll(status).toBe("Stopped");
    await close();
  },
);

test("axe finds nothing on the API reference and on the list of problems", async () => {
  const { page, url, close } = await openReference();
  await openOperation(page, "patchUsersId");
  expect(await axeFaults(page)).toEqual([]);
  await page.goto(`${url}/docs/problems`);
  expect(await axeFaults(page)).toEqual([]);
  await close();
});
