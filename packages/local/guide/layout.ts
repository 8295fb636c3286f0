/** The HTML around a document: header with search, navigation, and links to the pages before and after. */

import { FRONT, GUIDE, pathOf } from "./address.ts";
import type { Document } from "./markdown.ts";
import { type Hit, wordsOf } from "./search.ts";

/** A list of the front page. */
export interface Group {
  title: string;
  pages: { title: string; path: string }[];
}

const escaped = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

interface Layout {
  title: string;
  /** Path of the page that is shown; undefined for results and errors. */
  path?: string;
  question?: string;
  groups: readonly Group[];
  /** Headings of the page, below its link. */
  parts?: readonly { text: string; anchor: string }[];
  body: string;
}

function layout({ title, path, question = "", groups, parts = [], body }: Layout): string {
  const link = ({ title: name, path: to }: Group["pages"][number]) => {
    if (to !== path) return `<li><a href="${to}">${escaped(name)}</a>`;
    const inner = parts.map(({ text, anchor }) => `<li><a href="#${anchor}">${escaped(text)}</a>`);
    const list = inner.length > 0 ? `<ul>${inner.join("")}</ul>` : "";
    return `<li><a href="${to}" aria-current="page">${escaped(name)}</a>${list}`;
  };
  const navigation = groups.map(
    (group) => `<h2>${escaped(group.title)}</h2><ul>${group.pages.map(link).join("\n")}</ul>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Stockwire guide</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${GUIDE}/style.css">
<a class="skip" href="#text">Skip to the text</a>
<header>
<a class="brand" href="${GUIDE}">Stockwire guide</a>
<form role="search" action="${GUIDE}/search">
<input type="search" name="q" aria-label="Search the guide" placeholder="Search" value="${escaped(question)}">
<button>Search</button>
</form>
<a class="narrow" href="#pages">Pages</a>
<a href="/docs">API reference</a>
<a href="/console">Console</a>
</header>
<div class="frame">
<main id="text" tabindex="-1">
${body}
</main>
<nav id="pages" aria-label="Pages">
${navigation.join("\n")}
</nav>
</div>
</html>
`;
}

/** A document's page. Its headings of level 2 are listed in the navigation. */
export function documentPage(document: Document, groups: readonly Group[]): string {
  const path = pathOf(document.file);
  const order = groups.flatMap(({ pages }) => pages);
  const at = order.findIndex((page) => page.path === path);
  const beside = [
    ["Before", at > 0 ? order[at - 1] : undefined],
    ["Next", at >= 0 ? order[at + 1] : document.file === FRONT ? order[0] : undefined],
  ] as const;
  const links = beside.flatMap(([word, page]) =>
    page ? [`<a href="${page.path}"><small>${word}</small> ${escaped(page.title)}</a>`] : [],
  );
  return layout({
    title: document.title,
    path,
    groups,
    parts: document.sections.filter(({ level }) => level === 2),
    body: `${document.html}<footer>${links.join("\n")}</footer>`,
  });
}

/** The text with the words of the question marked. */
function marked(text: string, question: string): string {
  const words = wordsOf(question).map((word) => RegExp.escape(word));
  if (words.length === 0) return escaped(text);
  return text
    .split(new RegExp(`(${words.join("|")})`, "i"))
    .map((part, at) => (at % 2 === 1 ? `<mark>${escaped(part)}</mark>` : escaped(part)))
    .join("");
}

export function searchPage(question: string, hits: readonly Hit[], groups: readonly Group[]) {
  const results = hits.map(({ document, section, excerpt }) => {
    const to = `${pathOf(document.file)}#${section.anchor}`;
    const name = section.level === 1 ? document.title : `${document.title}: ${section.text}`;
    return `<li><a href="${to}">${marked(name, question)}</a><p>${marked(excerpt, question)}</p>`;
  });
  const count = hits.length === 0 ? "Nothing contains all these words." : `${hits.length} sections`;
  const body = `<h1>Search</h1>
<p role="status">${question === "" ? "Enter words in the field above." : count}</p>
<ol class="hits">${results.join("\n")}</ol>`;
  return layout({ title: "Search", question, groups, body });
}

export const missingPage = (groups: readonly Group[]): string =>
  layout({
    title: "Not found",
    groups,
    body: `<h1>Not found</h1><p>The guide has no such page. <a href="${GUIDE}">All pages</a></p>`,
  });
