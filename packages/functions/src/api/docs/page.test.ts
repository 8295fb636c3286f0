import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
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

test.each(pages)("the policy of %s allows exactly its own script and style", (name, page) => {
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

test.each(pages)("%s refers to nothing elsewhere and needs nothing inline", (_, { html }) => {
  expect(html).not.toMatch(/https?:\/\//);
  expect(html).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?\/\//);
  expect(html).not.toMatch(/<[^>]+\s(?:on\w+|style)=/);
  expect(html).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  // Relative: a stage may stand before the path.
  for (const [, link] of html.matchAll(/\shref="(?!data:)([^"]*)"/g)) {
    expect(link).toMatch(/^(?:#|\.\.\/|docs\/|openapi|asyncapi)/);
  }
});

test("the script is one that a browser can parse", () => {
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

test("the pages stay small", () => {
  const folder = new URL(".", import.meta.url);
  const names = readdirSync(folder).filter((name) =>
    /^(?:page|console|problems|style)\.ts$/.test(name),
  );
  const files = names.map((name) => new URL(name, folder));
  const bytes = files.reduce((total, file) => total + readFileSync(file).length, 0);
  expect(bytes).toBeLessThanOrEqual(26 * 1024);
});
