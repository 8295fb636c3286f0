/**
 * Where each document of the repository is in the guide: `docs/contract.md` is the page
 * `/docs/guide/contract`. Links are resolved here, so that one text has links that lead to the same
 * place on GitHub and on the laptop.
 */

import { globSync } from "node:fs";
import { posix } from "node:path";

export const GUIDE = "/docs/guide";

/** The front page, whose lists are the navigation. */
export const FRONT = "docs/README.md";

const DOCUMENTS = ["*.md", "docs/**/*.md", "packages/*/[A-Z]*.md"];
const FILES = ["LICENSE", "docs/**/*.{png,svg,jpg}"];

/** Path of a document's page. */
export function pathOf(document: string): string {
  const address = document
    .replace(/\.md$/, "")
    .replace(/^docs\//, "")
    .replace(/\/README$/, "");
  return document === FRONT ? GUIDE : `${GUIDE}/${address}`;
}

/** Documents by the path of their page. Only these files can be read by a request. */
export const documentsIn = (root: string): Map<string, string> =>
  new Map(globSync(DOCUMENTS, { cwd: root }).map((file) => [pathOf(file), file]));

/** Pictures and the licence by their path. */
export const filesIn = (root: string): Map<string, string> =>
  new Map(globSync(FILES, { cwd: root }).map((file) => [filePath(file), file]));

const filePath = (file: string) => `${GUIDE}/files/${file}`;

/** Path of the nth diagram of a document, from 0. */
export const diagramPath = (document: string, index: number): string =>
  `${GUIDE}/diagrams/${document.replace(/\.md$/, "")}/${index}.svg`;

/**
 * What a link of a document becomes on the laptop: a page, a file, or the same link. Links to the
 * laptop at its usual port become links to this server.
 */
export function linkOf(document: string, link: string): string {
  const [, local] = /^http:\/\/localhost:3000(\/.*)$/.exec(link) ?? [];
  if (local !== undefined) return local;
  if (link.startsWith("#") || /^[a-z][a-z\d+.-]*:/i.test(link)) return link;
  const [path = "", anchor] = link.split("#");
  const target = posix.join(posix.dirname(document), path);
  const to = target.endsWith(".md") ? pathOf(target) : filePath(target);
  return anchor === undefined ? to : `${to}#${anchor}`;
}
