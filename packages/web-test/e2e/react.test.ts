/** The built client and its React hooks in a browser, on a page of another origin. */

import { build } from "esbuild";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { buildPackage } from "../../client/scripts/package.ts";
import { createProduct, isLaptop, issueToken, secondClient } from "./stage.ts";
import { openBrowser } from "./window.ts";

let browser: Browser;
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stockwire-react-"));
  buildPackage(folder);
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "react-page.ts")],
    alias: { "@stockwire/client/react": join(folder, "react.js") },
    nodePaths: [join(import.meta.dirname, "../../../node_modules")],
    define: { "process.env.NODE_ENV": '"development"' },
    bundle: true,
    write: false,
    format: "esm",
  });
  const script = outputFiles[0]?.text ?? "";
  server = createServer(({ url }, response) => {
    const isScript = url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    const page =
      '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>';
    response.end(isScript ? script : page);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

// A deployed stage does not allow the origin of this page.
test.skipIf(!isLaptop)(
  "a page with the hooks shows stock, sells it and takes a refused sale back",
  async () => {
    const laptop = inject("laptop");
    const http = await secondClient();
    const { id } = await createProduct(http, 5);
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", ({ message }) => problems.push(message));
    page.on("console", (message) => {
      const text = message.text();
      const isProblem = ["error", "warning"].includes(message.type());
      if (isProblem && !text.includes("status of 409")) problems.push(text);
    });
    const query = new URLSearchParams({
      api: laptop,
      token: await issueToken(laptop),
      product: id,
    });
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/#${query.toString()}`);

    const value = () => page.locator("output").innerText();
    const line = () => page.locator("p").innerText();
    await expect.poll(value).toBe("5");
    await expect.poll(line).toBe("open");
    await page.getByRole("button", { name: "Sell 1", exact: true }).click();
    await expect.poll(value).toBe("4");
    await http.inventory[":productId"].adjustments.$post({
      param: { productId: id },
      json: { delta: 3, reason: "delivered" },
    });
    await expect.poll(value).toBe("7");
    await page.getByRole("button", { name: "Sell 100" }).click();
    await expect.poll(line).toMatch(/^open ./);
    await expect.poll(value).toBe("7");
    expect(await page.evaluate("shown")).toEqual([5, 4, 7, -93, 7]);
    expect(problems).toEqual([]);
    await page.close();
  },
);
