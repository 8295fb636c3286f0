import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { docsPage, problemsPage } from "./page.ts";
import { problems } from "../problem.ts";

const pages = [
  ["docs", docsPage()],
  ["problems", problemsPage()],
] as const;

const inline = (html: string, tag: string) =>
  [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, "g"))].map(([, text = ""]) => text);

const hashes = (sources: string[]) =>
  sources.map((source) => `'sha256-${createHash("sha256").update(source).digest("base64")}'`);

const directives = (policy: string) =>
  new Map(
    policy.split("; ").map((directive): [string, string] => {
      const [name = "", ...values] = directive.split(" ");
      return [name, values.join(" ")];
    }),
  );

test.each(pages)("the policy of %s allows its own script and style only", (name, page) => {
  const policy = directives(page.policy);
  expect(inline(page.html, "style")).toHaveLength(1);
  expect(policy.get("style-src")).toBe(hashes(inline(page.html, "style")).join(" "));
  expect(inline(page.html, "script")).toHaveLength(name === "docs" ? 1 : 0);
  expect(policy.get("script-src") ?? "").toBe(hashes(inline(page.html, "script")).join(" "));
  expect(policy.get("connect-src")).toBe(name === "docs" ? "'self'" : undefined);
  for (const closed of ["default-src", "base-uri", "form-action", "frame-ancestors"]) {
    expect(policy.get(closed)).toBe("'none'");
  }
  expect(page.policy).not.toMatch(/unsafe|\*/);
});

test.each(pages)(
  "%s refers to no other origin and has no inline handler or style attribute",
  (_, { html }) => {
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?\/\//);
    expect(html).not.toMatch(/<[^>]+\s(?:on\w+|style)=/);
    expect(html).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    // Links are relative, because the path of a deployed stage may precede `/docs`.
    for (const [, link] of html.matchAll(/\shref="(?!data:)([^"]*)"/g)) {
      expect(link).toMatch(/^(?:#|\.\.\/|docs\/|openapi|asyncapi)/);
    }
  },
);

test("a browser can parse the script", () => {
  const [script = ""] = inline(docsPage().html, "script");
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- parsed, never called
  expect(() => new Function(`"use strict";${script}`)).not.toThrow();
});

test("every problem code has its row, anchor, status, title and meaning", () => {
  const { html } = problemsPage();
  for (const [code, { status, title }] of Object.entries(problems)) {
    const row = html.split("\n").filter((line) => line.includes(`<tr id="${code}"`));
    expect(row).toHaveLength(1);
    expect(row[0]).toContain(`>${status}<`);
    expect(row[0]).toMatch(
      new RegExp(`<b>${title}</b> <code>${code}</code><br>[A-Z][^<]{30,}\\.$`),
    );
  }
});

test.each(pages)("%s is at most 26 KiB", (_, { html }) => {
  expect(Buffer.byteLength(html)).toBeLessThanOrEqual(26 * 1024);
});
