import { readFileSync, globSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:http";
import { join } from "node:path";
import { type Listening, listenOnLoopback } from "@stockwire/gateway/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentsIn, filesIn, linkOf, pathOf } from "./address.ts";
import { descriptionOf, draw } from "./diagram.ts";
import { openGuide } from "./guide.ts";
import { readDocument } from "./markdown.ts";
import { search } from "./search.ts";
import { guideService } from "./service.ts";

const root = join(import.meta.dirname, "../../..");
const guide = openGuide(root);
const documents = guide.documents();
const pages = documents.map(({ file }) => [file, pathOf(file)] as const);
const get = (path: string, query = "") => guide.answer(path, new URLSearchParams(query));
const texts = new Map<string, string>();
const textOf = (path: string) => {
  const text = texts.get(path) ?? get(path).body.toString();
  texts.set(path, text);
  return text;
};
const known = new Map<string, boolean>();
const exists = (path: string) => {
  if (!known.has(path)) known.set(path, get(path).status === 200);
  return known.get(path);
};
const attributes = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map(([, value = ""]) => value);

/** What the laptop serves besides the guide. */
const ELSEWHERE = /^\/(?:console|docs|docs\/problems)$/;

test.each(pages)("every link and picture of %s leads somewhere on this server", (_file, path) => {
  const html = textOf(path);
  const links = [
    ...attributes(html, "href"),
    ...attributes(html, "src"),
    ...attributes(html, "action"),
  ];
  const broken = links.filter((link) => {
    if (/^(?:https:|mailto:|data:,$)/.test(link) || ELSEWHERE.test(link)) return false;
    const [to = "", anchor] = link.split("#");
    const target = to === "" ? path : to;
    if (!target.startsWith("/docs/guide") || !exists(target)) return true;
    return anchor !== undefined && !attributes(textOf(target), "id").includes(anchor);
  });
  expect(broken).toEqual([]);
});

test.each(pages)(
  "%s has one title, unique anchors, and nothing that a policy must allow",
  (file, path) => {
    const { body, policy } = get(path);
    const html = body.toString();
    expect(html.match(/<h1/g), file).toHaveLength(1);
    const ids = attributes(html, "id");
    expect(new Set(ids).size).toBe(ids.length);
    expect(html).not.toMatch(/<script|<style|<iframe|\sstyle=|\son\w+=|="javascript:/i);
    expect(attributes(html, "src").filter((src) => !src.startsWith("/docs/guide/"))).toEqual([]);
    expect(policy).toMatch(/^default-src 'none'; style-src 'self'; img-src 'self' data:; /);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  },
);

test("the navigation has every document of docs/ once, but single decisions", () => {
  const listed = guide.groups().flatMap(({ pages: some }) => some.map(({ path }) => path));
  expect(new Set(listed).size).toBe(listed.length);
  const wanted = globSync("docs/*.md", { cwd: root }).filter((file) => file !== "docs/README.md");
  expect(listed).toEqual(expect.arrayContaining(wanted.map(pathOf)));
  expect(listed).toContain("/docs/guide/decisions");
  expect(guide.groups().length).toBeGreaterThan(3);
});

describe("a document", () => {
  const htmlOf = (source: string) => readDocument("docs/x.md", source).html;

  test("is shown as text where it has HTML, and never becomes HTML", () => {
    const html = htmlOf(
      "# a\n\n<script>alert(1)</script> <b onclick=x>b</b>\n\n<img src=x onerror=y>\n",
    );
    expect(html).not.toMatch(/<(?:script|b|img)\b/);
    expect(html).toContain("&lt;script&gt;");
    expect(htmlOf("[x](javascript:alert(1)) [y](vbscript:x) [z](data:text/html,x)")).not.toContain(
      "<a",
    );
    expect(htmlOf('```sh\n"<b>" & more\n```\n')).toContain("&lt;b&gt;&quot; &amp; more");
    expect(htmlOf('```mermaid\nflowchart LR\naccTitle: "<b>\nA-->B\n```\n')).toContain(
      'alt="&quot;&lt;b&gt;"',
    );
  });

  test("has right-aligned and empty cells, and pictures with a width, without what the policy forbids", () => {
    const html = htmlOf(
      '|  | n |\n| --- | --: |\n| a | 1 |\n\n<img src="a.png" width="64" alt="A picture">\n',
    );
    expect(html).toContain('<td class="right">1</td>');
    expect(html).not.toMatch(/style=|<th><|&lt;img/);
    expect(html).toContain('<img src="/docs/guide/files/docs/a.png" alt="A picture">');
  });

  test("gets GitHub's anchors: signs left out, repeated headings numbered", () => {
    const { sections } = readDocument("docs/x.md", "# A, `b`: c's\n\n## Test\n\n## Test\n");
    expect(sections.map(({ anchor }) => anchor)).toEqual(["a-b-cs", "test", "test-1"]);
  });

  test("has links to pages, files and anchors of this server, and keeps others", () => {
    const links = [
      "contract.md#lists",
      "decisions/README.md",
      "../README.md",
      "../packages/client/README.md",
    ];
    expect(links.map((link) => linkOf("docs/deploy.md", link))).toEqual([
      "/docs/guide/contract#lists",
      "/docs/guide/decisions",
      "/docs/guide/README",
      "/docs/guide/packages/client",
    ]);
    expect(linkOf("docs/decisions/001.md", "../README.md")).toBe("/docs/guide");
    expect(linkOf("README.md", "docs/console/stock.png")).toBe(
      "/docs/guide/files/docs/console/stock.png",
    );
    expect(linkOf("README.md", "http://localhost:3000/docs")).toBe("/docs");
    for (const link of ["#x", "https://hono.dev", "mailto:a@example.com"]) {
      expect(linkOf("README.md", link)).toBe(link);
    }
  });
});

test.each(documents.flatMap(({ file, diagrams }) => diagrams.map((source) => ({ file, source }))))(
  "a diagram of $file is drawn, with its words, a description and no other host",
  ({ file, source }) => {
    const { svg, policy } = draw(source);
    expect(svg).not.toMatch(
      /@import|https?:\/\/(?!www\.w3\.org\/)|\sstyle="|<script|foreignObject/,
    );
    expect(svg).toMatch(/prefers-color-scheme:dark/);
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='$/);
    const description = descriptionOf(source);
    expect(description === "" && file.startsWith("docs/")).toBe(false);
    if (description !== "") expect(svg).not.toContain(description);
    for (const [, word = ""] of source.matchAll(/"(\w+)/g)) expect(svg).toContain(word);
  },
);

test("a diagram that cannot be drawn is an error", () => {
  expect(() => draw("nonsense\nA --> B")).toThrow(/mermaid/i);
});

describe("the search", () => {
  const found = (question: string) =>
    search(documents, question).map(
      ({ document, section }) => `${document.file}#${section.anchor}`,
    );

  test("finds sections with all words, first those whose heading has them", () => {
    expect(found("idempotency")[0]).toMatch(/#idempotency$/);
    expect(found("Feed-Cursor lists")).toContain("docs/contract.md#lists");
    expect(found("cursor zebra-that-is-nowhere")).toEqual([]);
    expect(found("  ")).toEqual([]);
    expect(found("the").length).toBe(30);
  });

  test("shows the words of the question marked, and its text never as HTML", () => {
    const page = get("/docs/guide/search", "q=oversell").body.toString();
    expect(page).toMatch(/<mark>oversell<\/mark>/);
    const evil = get("/docs/guide/search", `q=${encodeURIComponent('"><script>x</script>')}`);
    expect(evil.body.toString()).not.toContain("<script");
    expect(evil.body.toString()).toContain('value="&quot;&gt;&lt;script&gt;x&lt;/script&gt;"');
  });
});

describe("on the laptop's port", () => {
  let server: Listening;
  const logged: string[] = [];
  beforeAll(async () => {
    const service = guideService(root, (line) => logged.push(line));
    const handle: Parameters<typeof listenOnLoopback>[0]["handle"] = (req, res) => {
      if (!service.handle(req, res)) res.writeHead(418).end();
    };
    server = await listenOnLoopback({ port: 0, handle });
  });
  afterAll(() => server.close());

  interface Answer {
    status: number | undefined;
    headers: IncomingHttpHeaders;
    body: Buffer;
  }
  /** Sends a path as it is. */
  const send = (method: string, path: string) =>
    new Promise<Answer>((resolve, reject) => {
      const req = request({ host: "127.0.0.1", port: server.port, method, path }, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("end", () => {
          resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) });
        });
      });
      req.on("error", reject).end();
    });

  test("pages, pictures and the style are served with their types", async () => {
    const types = async (path: string) => {
      const { status, headers } = await send("GET", path);
      return [status, headers["content-type"]];
    };
    expect(await types("/docs/guide")).toEqual([200, "text/html; charset=utf-8"]);
    expect(await types("/docs/guide/")).toEqual([200, "text/html; charset=utf-8"]);
    expect(await types("/docs/guide/contract?x=1")).toEqual([200, "text/html; charset=utf-8"]);
    expect(await types("/docs/guide/style.css")).toEqual([200, "text/css"]);
    expect(await types("/docs/guide/files/LICENSE")).toEqual([200, "text/plain; charset=utf-8"]);
    expect(await types("/docs/guide/diagrams/docs/README/0.svg")).toEqual([200, "image/svg+xml"]);
    const picture = await send("GET", "/docs/guide/files/docs/console/stock.png");
    expect(picture.body).toEqual(readFileSync(join(root, "docs/console/stock.png")));
    expect(picture.headers).toMatchObject({
      "content-type": "image/png",
      "x-content-type-options": "nosniff",
    });
  });

  test("any other file, and any other method, is refused", async () => {
    for (const path of [
      "/docs/guide/nothing",
      "/docs/guide/../package.json",
      "/docs/guide/%2e%2e/package.json",
      "/docs/guide/files/package.json",
      "/docs/guide/files/../package.json",
      "/docs/guide/files/docs/../package.json",
      "/docs/guide/diagrams/docs/README/9.svg",
      "/docs/guide/diagrams/../package/0.svg",
    ]) {
      expect([path, (await send("GET", path)).status]).toEqual([path, 404]);
    }
    expect((await send("POST", "/docs/guide")).status).toBe(405);
    const head = await send("HEAD", "/docs/guide");
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(Number(head.headers["content-length"])).toBeGreaterThan(1_000);
    for (const path of ["/docs", "/docs/problems", "/docs/guides", "/", "/products"]) {
      expect([path, (await send("GET", path)).status]).toEqual([path, 418]);
    }
    expect(logged).toEqual([]);
  });

  test("only documentation can be addressed", () => {
    const served = [...documentsIn(root).values(), ...filesIn(root).values()];
    const allowed =
      /^(?:[A-Z]+\.md|LICENSE|docs\/.+\.(?:md|png|svg|jpg)|packages\/\w[\w-]*\/[A-Z]+\.md)$/;
    expect(served.filter((file) => !allowed.test(file))).toEqual([]);
    expect(served.length).toBeGreaterThan(25);
  });
});
